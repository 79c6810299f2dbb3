/**
 * Pages of browsers: each keeps its cookies, comes back to the same URL, and has its stream when the first bytes of the body are there. And
 * requests that are no stream. Beside the server, in a process of its own.
 */
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from './answer.mjs';

/** What a browser sends besides. */
const HEADERS = [
  'Host: 127.0.0.1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/event-stream',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9',
  'Cache-Control: no-cache',
  'Referer: http://127.0.0.1/',
].join('\r\n');

const SESSION = 'session=9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d';

/** The ticket of each page, once it has one. */
const tickets = new Map();

let sockets = [];

function open({ port, path }, number) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const ticket = tickets.get(number);
    const cookie = ticket ? `${SESSION}; ${ticket}` : SESSION;
    socket.write(`GET ${path.replaceAll('{i}', number)} HTTP/1.1\r\n${HEADERS}\r\nCookie: ${cookie}\r\n\r\n`);
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      if (text === undefined) return;
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0 || text.length === end + 4) return;
      const [head, body] = [text.slice(0, end), text.slice(end)];
      text = undefined;
      const [, later] = /retry: (\d+)/.exec(/\r\nretry-after:/i.test(head) ? body : '') ?? [];
      if (later) {
        // The server has no room now, and says when to come back.
        socket.destroy();
        return resolve(delay(Number(later)).then(() => open({ port, path }, number)));
      }
      if (!head.startsWith('HTTP/1.1 200')) return reject(new Error(`page ${number} got ${head.split('\r\n', 1)[0]}`));
      const [, fresh] = /\r\nset-cookie: (ssekit-[^;]+)/i.exec(head) ?? [];
      if (fresh) tickets.set(number, fresh);
      resolve(socket);
    });
  });
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask(port, path, through = agent) {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    get({ port, host: '127.0.0.1', path, agent: through }, (response) => {
      response.resume().once('end', () => resolve(performance.now() - from));
    }).once('error', reject);
  });
}

let watching;
let waits = [];

const operations = {
  /** All at once. Returns the seconds until the last page has its stream. */
  async open({ clients, ...where }) {
    const from = performance.now();
    sockets = await Promise.all(Array.from({ length: clients }, (_, number) => open(where, number)));
    return (performance.now() - from) / 1_000;
  },
  close() {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets = [];
  },
  /** From now on, one request after the other. */
  watch({ port, path }) {
    waits = [];
    const watch = { goesOn: true };
    watch.ended = (async () => {
      while (watch.goesOn) {
        waits.push(await ask(port, path));
        await delay(2);
      }
    })();
    watching = watch;
  },
  /** Milliseconds that those requests took. */
  async watched() {
    watching.goesOn = false;
    await watching.ended;
    waits.sort((a, b) => a - b);
    return { p50: waits[waits.length >> 1], p99: waits[Math.floor(waits.length * 0.99)], longest: waits.at(-1) };
  },
  /** So many requests over so many connections. */
  async hammer({ port, path, requests, connections }) {
    const through = new Agent({ keepAlive: true, maxSockets: connections });
    let left = requests;
    const one = async () => {
      while (left-- > 0) await ask(port, path, through);
    };
    await Promise.all(Array.from({ length: connections }, one));
    through.destroy();
  },
};

answer(operations);
process.send({ port: 0, path: '' });
