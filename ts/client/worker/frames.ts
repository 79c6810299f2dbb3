/** Reads the frames of a carrier. A frame is a line with a stream's number and a length, followed by that length of the stream's bytes. */

const LINE_FEED = 10;

/** Calls back with each piece of a stream, and with an empty piece at the stream's end. Throws if the bytes are no frames. */
export function createFrameReader(
  onPiece: (number: number, bytes: Uint8Array<ArrayBuffer>) => void,
): (bytes: Uint8Array) => void {
  let head = '';
  let number = 0;
  /** The number of bytes that are missing from the frame. */
  let left = 0;

  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      if (left) {
        // A copy, because the piece goes to another page, and its neighbours do not.
        const piece = bytes.slice(at, at + left) as Uint8Array<ArrayBuffer>;
        at += piece.length;
        left -= piece.length;
        onPiece(number, piece);
        continue;
      }
      const byte = bytes[at++] as number;
      if (byte !== LINE_FEED) {
        head += String.fromCharCode(byte);
        if (head.length > 32) throw new Error('no carrier');
        continue;
      }
      const [, stream, length] = /^(\d+) (\d+)$/.exec(head) ?? [];
      if (!length) throw new Error('no carrier');
      [head, number, left] = ['', Number(stream), Number(length)];
      if (!left) onPiece(number, new Uint8Array());
    }
  };
}
