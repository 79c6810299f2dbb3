/** Reads the JSON that a request brings. */

/** Returns a request's body; undefined if it is larger than this. Throws if it ends too early, or is not UTF-8. */
export async function bodyOf(request: Request, mostBytes: number): Promise<string | undefined> {
  if (Number(request.headers.get('content-length')) > mostBytes) return undefined;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = request.body?.getReader();
  let [text, bytes] = ['', 0];
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    bytes += read.value.byteLength;
    if (bytes > mostBytes) {
      await reader?.cancel();
      return undefined;
    }
    text += decoder.decode(read.value, { stream: true });
  }
  return text + decoder.decode();
}
