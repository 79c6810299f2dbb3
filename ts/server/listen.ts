/** `listen`: checks the options, completes them from the environment, and starts the listener. */
import type { NativeListener } from '../../binding.js';
import type { Listener, ListenOptions } from '../../index';
import { native } from './binding.js';
import { watchSigterm } from './drain.js';
import { fromEnvironment } from './environment.js';
import { argumentError, rangeError } from './errors.js';
import { toNativeText } from './options.js';
import { checkNumbers, checkObject } from './validate.js';

export async function listen(options: ListenOptions = {}): Promise<Listener> {
  const known = checkKeys('options', options, OPTIONS);
  const completed = toNative({ ...fromEnvironment(process.env), ...defined(known) });
  const listener = native().listen(toNativeText(completed));
  watchSigterm();
  return new RunningListener(listener);
}

const OPTIONS = [
  ...['host', 'port', 'reusePort', 'socketPath', 'path', 'tls', 'cors', 'tickets', 'anonymous', 'publish', 'metrics'],
  ...['trustProxy', 'traceContext', 'limits'],
];

const LIMITS = [
  ...['connections', 'connectionsPerAddress', 'acceptsPerSecond', 'headerTimeoutMs', 'bodyTimeoutMs', 'idleTimeoutMs'],
  ...['headerBytes', 'headers', 'urlBytes', 'bodyBytes', 'streamsPerConnection'],
];

class RunningListener implements Listener {
  readonly host: string | null;
  readonly port: number | null;
  readonly #native: NativeListener;
  /** Native code does not keep Node alive, but a server is expected to. */
  readonly #alive = setInterval(() => {}, 0x7fff_ffff);

  constructor(listener: NativeListener) {
    this.#native = listener;
    this.host = listener.host ?? null;
    this.port = listener.port ?? null;
  }

  get connections(): number {
    return this.#native.connections;
  }

  async close(): Promise<void> {
    clearInterval(this.#alive);
    await new Promise<void>((resolve) => this.#native.close(resolve));
  }

  ref(): this {
    this.#alive.ref();
    return this;
  }

  unref(): this {
    this.#alive.unref();
    return this;
  }
}

function toNative(options: Record<string, unknown>): object {
  const { tls, cors, tickets, publish, metrics, limits } = options;
  return {
    ...toAddress(options),
    path: optional('options.path', options.path, 'string'),
    tls: tls === undefined ? undefined : toTls(checkKeys('options.tls', tls, ['cert', 'key'])),
    cors: cors === undefined ? undefined : toCors(checkKeys('options.cors', cors, CORS)),
    tickets: tickets === undefined ? undefined : toTickets(checkKeys('options.tickets', tickets, TICKETS)),
    anonymous: optional('options.anonymous', options.anonymous, 'boolean'),
    publishToken: publish === undefined ? undefined : token('options.publish', publish),
    ...(typeof metrics === 'object' ? { metricsToken: token('options.metrics', metrics) } : undefined),
    ...(typeof metrics === 'object' ? undefined : { metrics: optional('options.metrics', metrics, 'boolean') }),
    trustProxy: optional('options.trustProxy', options.trustProxy, 'boolean'),
    traceContext: optional('options.traceContext', options.traceContext, 'boolean'),
    limits:
      limits === undefined ? undefined : checkNumbers('options.limits', checkObject('options.limits', limits), LIMITS),
  };
}

function toAddress(options: Record<string, unknown>): object {
  const { host, port, reusePort, socketPath } = options;
  if (socketPath !== undefined && [host, port, reusePort].some((other) => other !== undefined)) {
    throw argumentError('options.socketPath', socketPath, 'to stand without host, port and reusePort');
  }
  const number = optional('options.port', port, 'number');
  if (number !== undefined && (!Number.isInteger(number) || number < 0 || number > 65_535)) {
    throw rangeError('options.port', String(number), 'an integer from 0 to 65,535');
  }
  return {
    host: optional('options.host', host, 'string'),
    port: number,
    reusePort: optional('options.reusePort', reusePort, 'boolean'),
    socketPath: optional('options.socketPath', socketPath, 'string'),
  };
}

function toTls(tls: Record<string, unknown>): object {
  return { cert: pem('options.tls.cert', tls.cert), key: pem('options.tls.key', tls.key) };
}

/** PEM is ASCII. Native code finds out if the text is not PEM. The text is never shown. */
function pem(argument: string, value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'string') return value;
  throw argumentError(argument, value, 'PEM as a string or a buffer');
}

const CORS = ['origins', 'credentials', 'maxAgeSeconds'];

function toCors(cors: Record<string, unknown>): object {
  return {
    origins: strings('options.cors.origins', cors.origins),
    credentials: optional('options.cors.credentials', cors.credentials, 'boolean'),
    ...checkNumbers('options.cors', { maxAgeSeconds: cors.maxAgeSeconds }, ['maxAgeSeconds']),
  };
}

const TICKETS = ['secret', 'keys', 'audience', 'issuer', 'leewaySeconds', 'oneTime', 'cookie'];

function toTickets(tickets: Record<string, unknown>): object {
  const { secret = [], keys = [] } = tickets;
  if (!Array.isArray(keys)) throw argumentError('options.tickets.keys', keys, 'an array of JSON Web Keys');
  return {
    secrets: typeof secret === 'string' ? [secret] : secrets(secret),
    keys: keys.map((key) => JSON.stringify(checkObject('options.tickets.keys', key))),
    audience: optional('options.tickets.audience', tickets.audience, 'string'),
    issuer: optional('options.tickets.issuer', tickets.issuer, 'string'),
    oneTime: optional('options.tickets.oneTime', tickets.oneTime, 'boolean'),
    cookie: optional('options.tickets.cookie', tickets.cookie, 'string'),
    ...checkNumbers('options.tickets', { leewaySeconds: tickets.leewaySeconds }, ['leewaySeconds']),
  };
}

/** Errors here never show the secrets. */
function secrets(value: unknown): string[] {
  if (Array.isArray(value) && value.every((secret) => typeof secret === 'string')) return value;
  throw argumentError('options.tickets.secret', typeof value, 'a string, or an array of them');
}

function token(argument: string, value: unknown): string {
  const { token } = checkKeys(argument, value, ['token']);
  if (typeof token !== 'string') throw argumentError(`${argument}.token`, typeof token, 'a string');
  return token;
}

function strings(argument: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string')) return value;
  throw argumentError(argument, value, 'an array of strings');
}

interface Types {
  string: string;
  boolean: boolean;
  number: number;
}

function optional<T extends keyof Types>(argument: string, value: unknown, type: T): Types[T] | undefined {
  if (value === undefined || typeof value === type) return value as Types[T] | undefined;
  throw argumentError(argument, value, `a ${type}`);
}

/** Returns an object that has only these keys. */
function checkKeys(argument: string, value: unknown, known: string[]): Record<string, unknown> {
  const object = checkObject(argument, value);
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw argumentError(`${argument}.${unknown}`, object[unknown], `no such option; known are ${known.join(', ')}`);
  }
  return object;
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
