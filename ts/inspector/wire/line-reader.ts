/** Reads the lines of a response's body. */

/**
 * Calls `onLine` with each line as it arrives, and resolves at the end. A last line without its end was cut by the network, and is
 * dropped.
 */
export async function readLines(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  // The first line about many clients comes in many chunks. Joined once, each of its characters is looked at once.
  let parts: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const pieces = decoder.decode(value, { stream: true }).split('\n');
    for (const piece of pieces.slice(0, -1)) {
      const line = [...parts, piece].join('');
      parts = [];
      if (line.trim()) onLine(line);
    }
    parts.push(pieces.at(-1) ?? '');
  }
}
