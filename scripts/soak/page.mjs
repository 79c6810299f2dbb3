/** A page: who it is, what it has seen, and whether what comes is exactly what it has to get. */

/** A page may be told of a gap when it has been away, or has not read, for so long: a third of what the history keeps. */
export const MAY_BE_RESET_AFTER_MS = 10_000;

export class Page {
  clientId;
  userId;
  /** The id of its last event, which an `EventSource` sends when it reconnects. */
  lastEventId;
  /** It may get a reset at any time, because it stops reading at will. */
  mayBeReset = false;
  /** The faults, in words. */
  wrong = [];
  received = 0;
  resumed = 0;
  resets = 0;
  /** The time of the newest event that it knows. The events it catches up with are old, and may be evicted before it has read all. */
  upToDate = Date.now();
  /** The position of the last event that it got. */
  last = 0;
  /** The last position that it has seen, or knew nothing of, by the log: `a`ll, its `u`ser's, its `c`lient's. */
  #seen = { a: 0, u: 0, c: 0 };
  #owedReset = false;

  constructor(clientId, userId) {
    this.clientId = clientId;
    this.userId = userId;
  }

  get path() {
    // Without a user and without an id of its stream it cannot show that it was here: it comes as another.
    if (this.userId === undefined && this.lastEventId === undefined) this.clientId = `${this.clientId}-`;
    const user = this.userId === undefined ? '' : `&user=${this.userId}`;
    return `/sse?clientId=${this.clientId}${user}`;
  }

  get headers() {
    return this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId };
  }

  /** Takes an event as it came. */
  take({ event, data, id }) {
    if (event === 'ssekit:ready') this.#begin(id, JSON.parse(data));
    else if (event === 'ssekit:reset') this.#startAnew(id);
    else if (event === 'soak') this.#check(positionOf(id), JSON.parse(data));
    else this.#complain(`an event that nobody has sent: ${event}`);
    this.lastEventId = id;
  }

  #begin(id, { clientId, userId, resumed }) {
    if (clientId !== this.clientId || (userId ?? undefined) !== this.userId) this.#complain(`is taken for ${clientId}`);
    const isFirst = this.lastEventId === undefined;
    if (isFirst || resumed) {
      const position = positionOf(id);
      if (resumed && position !== this.last) this.#complain(`resumed from ${position}, and had ${this.last}`);
      if (isFirst) {
        this.#seen = { a: position, u: position, c: position };
        this.upToDate = Date.now();
      }
      this.last = position;
      this.resumed += resumed ? 1 : 0;
    } else this.#owedReset = true;
  }

  #startAnew(id) {
    const position = positionOf(id);
    if (position < this.last) this.#complain(`reset to ${position}, and had ${this.last}`);
    if (!this.mayBeReset && Date.now() - this.upToDate < MAY_BE_RESET_AFTER_MS)
      this.#complain('reset, though it was gone for a moment only');
    this.#seen = { a: position, u: position, c: position };
    this.last = position;
    this.#owedReset = false;
    this.upToDate = Date.now();
    this.resets += 1;
  }

  #check(position, { to, at, before }) {
    this.received += 1;
    this.upToDate = at;
    if (this.#owedReset) this.#complain('got an event before the reset that it was owed');
    if (position <= this.last) this.#complain(`got ${position} after ${this.last}`);
    const missed = before.filter(([sent, excluded]) => sent > this.#seen[to] && excluded !== this.clientId);
    if (missed.length > 0) this.#complain(`missed ${missed.map(([sent]) => sent)} before ${position}`);
    this.#seen[to] = position;
    this.last = position;
  }

  #complain(what) {
    this.wrong.push(`${this.clientId} (${this.userId ?? 'anonymous'}): ${what}`);
  }
}

function positionOf(id) {
  // An anonymous page's ids end with its key.
  return Number(id?.split('.')[1]?.split('~')[0]);
}
