/** A few lines of Redis' protocol, enough for a test to ask a server something: one connection for each command. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export type Reply = string | number | null | Reply[];

export interface Address {
  port: number;
  password?: string | undefined;
  /** The certificate that the server's is checked against. */
  ca?: Buffer | undefined;
}

/** The time that a server may take that has stopped answering. */
const DEADLINE_MS = 5_000;

/** Sends a command and resolves with its reply. An error reply rejects, as does a connection that ends before it. */
export async function command(address: Address, ...args: string[]): Promise<Reply> {
  const commands = address.password === undefined ? [args] : [['AUTH', address.password], args];
  const replies = await replyTo(address, commands);
  return replies.at(-1) as Reply;
}

function replyTo({ port, ca }: Address, commands: string[][]): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const at = { port, host: '127.0.0.1' };
    const socket: Socket = ca ? connectTls({ ...at, ca }) : connect(at);
    let received = Buffer.alloc(0);
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error(`no reply within ${DEADLINE_MS} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection ended before the reply')));
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      try {
        const replies = parseAll(received, commands.length);
        if (!replies) return;
        resolve(replies);
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
    socket.write(commands.map(encode).join(''));
  });
}

function encode(args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}

/** The next `count` replies, or nothing if they have not all come yet. */
function parseAll(bytes: Buffer, count: number): Reply[] | undefined {
  const replies: Reply[] = [];
  for (let at = 0; replies.length < count; ) {
    const parsed = parse(bytes, at);
    if (!parsed) return undefined;
    replies.push(parsed.reply);
    at = parsed.end;
  }
  return replies;
}

/** The reply that begins at `at`, and where it ends. */
function parse(bytes: Buffer, at: number): { reply: Reply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const [type, text, end] = [
    bytes.toString('latin1', at, at + 1),
    bytes.toString('utf8', at + 1, lineEnd),
    lineEnd + 2,
  ];
  switch (type) {
    case '+':
      return { reply: text, end };
    case '-':
      throw new Error(text);
    case ':':
      return { reply: Number(text), end };
    case '$':
      return parseBulk(bytes, Number(text), end);
    case '*':
      return parseArray(bytes, Number(text), end);
    default:
      throw new Error(`no reply begins with ${type}`);
  }
}

function parseBulk(bytes: Buffer, length: number, start: number): { reply: Reply; end: number } | undefined {
  if (length < 0) return { reply: null, end: start };
  if (bytes.length < start + length + 2) return undefined;
  return { reply: bytes.toString('utf8', start, start + length), end: start + length + 2 };
}

function parseArray(bytes: Buffer, length: number, start: number): { reply: Reply; end: number } | undefined {
  if (length < 0) return { reply: null, end: start };
  const items: Reply[] = [];
  let end = start;
  while (items.length < length) {
    const item = parse(bytes, end);
    if (!item) return undefined;
    items.push(item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
