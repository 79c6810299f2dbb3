/**
 * The script of a `SharedWorker`, which carries the streams of all tabs over one connection. It knows nothing of events, cursors and users:
 * each tab asks the server for its own stream, and the server sends it over the connection that the tab names. See ARCHITECTURE.md.
 */
import { Carriers } from './carriers.js';

const carriers = new Carriers();

globalThis.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) carriers.connect(port);
});
