/** The code that the implementations of the browser's `EventSource` share. They reconnect by themselves. */
export function openEventSource(EventSource, { url, names }, onEvent) {
  const source = new EventSource(url);
  for (const name of names) {
    source.addEventListener(name, ({ type, data, lastEventId }) => onEvent({ name: type, data, id: lastEventId }));
  }
  return () => source.close();
}
