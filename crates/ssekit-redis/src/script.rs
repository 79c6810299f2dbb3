//! Scripts, which Redis runs in one step: each happens as a whole or not at all.

use std::sync::LazyLock;

use redis::Cmd;
use ssekit_core::backplane::{LOG_OUTS_KEPT, MOST_LOG_OUTS};

/// A script, which Redis knows by a name made from its source.
pub(crate) struct Script {
    source: String,
    name: String,
}

// Log-outs are a sorted set: a member is a user, and its score is the time in microseconds since 1970. Nobody has an empty id, so
// the empty member stands for the time since which no log-out is missing. Its score is that time below zero, so it is always
// the first, and no time is old enough to remove it. If the set is lost, that time is lost with it, and so never too early.

/// Keys: the history's hash, events, members, log-outs.
/// Arguments: the epoch, end of events, end of members and origin of the last event that the node knows; a new epoch.
/// Answer: epoch, end of events, end of members, the number up to which events are forgotten, the time in milliseconds.
pub(crate) static JOIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local known, seen, heard, last = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local epoch = redis.call('HGET', KEYS[1], 'epoch')
local events = tonumber(redis.call('HGET', KEYS[1], 'events') or '0')
local members = tonumber(redis.call('HGET', KEYS[1], 'members') or '0')
-- Nobody has counted so far.
if events >= 2 ^ 43 or members >= 2 ^ 43 then epoch, events, members = false, 0, 0 end
-- Skips other people's entries.
local function first()
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 10)) do
    local number = tonumber(string.match(entry[1], '^(%d+)-0$') or '0')
    if entry[2][1] == 'o' and number > 0 and number <= events then return number end
  end
end
local lost = not epoch
if epoch == known then
  lost = events < seen or members < heard
  if not lost and last ~= '' then
    local id = string.format('%.0f-0', seen)
    local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
    if entry then
      lost = entry[2][2] ~= last
    else
      -- It may have been forgotten with all that is older; if those are there, it was lost.
      local oldest = first()
      lost = not oldest or oldest <= seen
    end
  end
elseif epoch and (seen > 0 and seen >= events) then
  -- Numbers that this node has seen must not be seen a second time.
  redis.call('DEL', KEYS[2])
  events = seen + 1
  redis.call('HSET', KEYS[1], 'events', string.format('%.0f', events))
end
if lost then
  epoch = ARGV[5]
  events = math.max(events, seen) + 1
  members = math.max(members, heard) + 1
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'events', string.format('%.0f', events), 'members', string.format('%.0f', members))
end
local oldest = first()
local time = redis.call('TIME')
if lost or redis.call('ZRANGE', KEYS[4], 0, 0)[1] ~= '' then
  -- Log-outs may be lost as well.
  redis.call('ZADD', KEYS[4], string.format('-%.0f', time[1] * 1000000 + time[2]), '')
end
return {epoch, events, members, oldest and oldest - 1 or events, time[1] * 1000 + math.floor(time[2] / 1000)}
",
    )
});

/// Keys: the history's hash, the topic's stream, the node's count, log-outs.
/// Arguments: epoch, the topic's name, the node, the count of the first record, how many records to keep, how many log-outs follow; the
/// log-outs, each with its record's count, its user and its time; the records.
/// Answer: the end of the topic; nothing if the history is another one.
pub(crate) static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
local node, count = ARGV[3], tonumber(ARGV[4])
local done = tonumber(redis.call('GET', KEYS[3]) or '0')
local number = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
-- An entry in the place of the next record is not ssekit's, and would be in the way for ever.
local function add(...)
  local added = redis.pcall('XADD', KEYS[2], ...)
  if type(added) == 'table' and added.err and (string.find(added.err, 'equal or smaller') or string.find(added.err, 'exhausted')) then
    redis.call('DEL', KEYS[2])
    return redis.pcall('XADD', KEYS[2], ...)
  end
  return added
end
local now = redis.call('TIME')
local time = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
-- Before the records: after a failure, the node repeats both, and a log-out may be there early, but not late.
local records = 7 + 3 * tonumber(ARGV[6])
if records > 7 then
  local micros = now[1] * 1000000 + now[2]
  local since = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  if since[1] ~= '' then
    redis.call('ZADD', KEYS[4], string.format('-%.0f', micros), '')
    since[2] = -micros
  end
  for index = 7, records - 1, 3 do
    if tonumber(ARGV[index]) > done then redis.call('ZADD', KEYS[4], 'GT', ARGV[index + 2], ARGV[index + 1]) end
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[4], 0, string.format('%.0f', micros - $KEPT))
  local excess = redis.call('ZCARD', KEYS[4]) - 1 - $MOST
  if excess > 0 then
    local dropped = redis.call('ZRANGE', KEYS[4], excess, excess, 'WITHSCORES')
    redis.call('ZREMRANGEBYRANK', KEYS[4], 1, excess)
    redis.call('ZADD', KEYS[4], string.format('%.0f', math.min(tonumber(since[2]), -tonumber(dropped[2]))), '')
  end
end
local appended = false
for index = records, #ARGV do
  if count > done then
    number = number + 1
    appended = true
    local added = add('MAXLEN', '~', ARGV[5], string.format('%.0f-0', number),
      'o', string.format('%s.%.0f', node, count), 't', time, 'd', ARGV[index])
    if type(added) == 'table' and added.err then return added end
  end
  count = count + 1
end
if appended then
  redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', number))
  -- A node that is silent for so long has no answer to wait for any more.
  redis.call('SET', KEYS[3], string.format('%.0f', count - 1), 'EX', 86400)
end
return number
",
    )
});

impl Script {
    fn new(source: &str) -> Self {
        let kept = LOG_OUTS_KEPT.as_micros().to_string();
        let source = source.replace("$KEPT", &kept).replace("$MOST", &MOST_LOG_OUTS.to_string());
        let name = redis::Script::new(&source).get_hash().to_owned();
        Self { source, name }
    }

    /// Calls the script by name, which Redis may not know, or with its whole source. `redis::Script` would load it
    /// first, which takes another right and another command, and a slot that moves (`ASK`) serves one command.
    pub(crate) fn call(&self, whole: bool, keys: &[&str]) -> Cmd {
        let (name, script) = if whole { ("EVAL", self.source.as_str()) } else { ("EVALSHA", self.name.as_str()) };
        let mut call = redis::cmd(name);
        call.arg(script).arg(keys.len()).arg(keys);
        call
    }
}
