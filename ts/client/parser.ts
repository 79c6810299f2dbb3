/** Reads the bytes of an event stream: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */

/** The fields between two empty lines. */
export interface Block {
  /** The name of the event; `message` if the block has none. */
  name: string;
  /** Without it, the block is no event, but its id counts. */
  data: string | undefined;
  /** The block's own id. It is not inherited from earlier blocks as in the standard, because a repeated id is a repeated event. */
  id: string | undefined;
}

/** Returns a function that takes the stream piece by piece. An event that is incomplete at the stream's end is lost. */
export function createParser(
  onBlock: (block: Block) => void,
  onRetry: (ms: number) => void,
): (bytes: Uint8Array) => void {
  // Drops one byte order mark, at the very beginning.
  const decoder = new TextDecoder();
  /** The beginning of a line. Engines join such pieces without copying, so a long line costs no more than its length. */
  let begun = '';
  /** The last piece ended with a CR. */
  let skipLineFeed = false;
  let name = '';
  let data: string[] = [];
  let id: string | undefined;

  function read(line: string): void {
    if (!line) end();
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) as RegExpExecArray;
    if (field === 'data') data.push(value);
    if (field === 'event') name = value;
    if (field === 'id' && !value.includes('\0')) id = value;
    if (field === 'retry' && /^\d+$/.test(value)) onRetry(+value);
  }

  function end(): void {
    const block = { name: name || 'message', data: data.length ? data.join('\n') : undefined, id };
    [name, data, id] = ['', [], undefined];
    if ((block.data ?? block.id) !== undefined) onBlock(block);
  }

  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return;
    if (skipLineFeed && text[0] === '\n') text = text.slice(1);
    skipLineFeed = text.endsWith('\r');
    const lines = text.split(/\r\n?|\n/);
    const rest = lines.pop() as string;
    for (const line of lines) {
      read(begun + line);
      begun = '';
    }
    begun += rest;
  };
}
