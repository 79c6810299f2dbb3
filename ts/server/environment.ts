/** A listener's options from environment variables, for containers. */
import { readFileSync } from 'node:fs';

import type { ListenOptions, TicketOptions } from '../../index';
import { checkFlag } from './arguments.js';
import { argumentError, unfitArgument } from './errors.js';

type Environment = Record<string, string | undefined>;

/** The options from the environment. An empty variable counts as unset. */
export function fromEnvironment(env: Environment): ListenOptions {
  const origins = env.SSEKIT_CORS_ORIGINS;
  const options: ListenOptions = {
    host: env.SSEKIT_HOST || undefined,
    port: number(env, 'SSEKIT_PORT'),
    reusePort: flag(env, 'SSEKIT_REUSE_PORT'),
    socketPath: env.SSEKIT_SOCKET || undefined,
    path: env.SSEKIT_PATH || undefined,
    tls: tls(env),
    cors: origins ? { origins: list(origins), credentials: flag(env, 'SSEKIT_CORS_CREDENTIALS') } : undefined,
    tickets: tickets(env),
    anonymous: flag(env, 'SSEKIT_ANONYMOUS'),
    publish: env.SSEKIT_PUBLISH_TOKEN ? { token: env.SSEKIT_PUBLISH_TOKEN } : undefined,
    trustProxy: flag(env, 'SSEKIT_TRUST_PROXY'),
    traceContext: flag(env, 'SSEKIT_TRACE_CONTEXT'),
    inspector: inspector(env),
    metrics: env.SSEKIT_METRICS_TOKEN ? { token: env.SSEKIT_METRICS_TOKEN } : flag(env, 'SSEKIT_METRICS'),
  };
  return options;
}

function inspector(env: Environment): ListenOptions['inspector'] {
  const { SSEKIT_INSPECTOR_TOKEN: token } = env;
  if (!token) return undefined;
  return {
    token,
    data: flag(env, 'SSEKIT_INSPECTOR_DATA'),
    send: flag(env, 'SSEKIT_INSPECTOR_SEND'),
    disconnect: flag(env, 'SSEKIT_INSPECTOR_DISCONNECT'),
  };
}

/** With one of the two files alone, the listener would speak plain HTTP, and nobody would notice. */
function tls(env: Environment): ListenOptions['tls'] {
  const { SSEKIT_TLS_CERT: cert, SSEKIT_TLS_KEY: key } = env;
  if (!cert && !key) return undefined;
  if (!cert) throw unfitArgument('SSEKIT_TLS_CERT', 'none beside SSEKIT_TLS_KEY', 'both, or neither');
  if (!key) throw unfitArgument('SSEKIT_TLS_KEY', 'none beside SSEKIT_TLS_CERT', 'both, or neither');
  return { cert: contents('SSEKIT_TLS_CERT', cert), key: contents('SSEKIT_TLS_KEY', key) };
}

function contents(variable: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const got = `a file that cannot be read (${(cause as Error).message})`;
    throw unfitArgument(variable, got, 'the path of a readable file', { cause });
  }
}

function tickets(env: Environment): TicketOptions | undefined {
  const secret = ticketSecrets(env);
  const file = env.SSEKIT_TICKET_KEYS;
  if (secret.length === 0 && !file) return undefined;
  return {
    secret,
    keys: file ? keysIn(file) : undefined,
    audience: env.SSEKIT_TICKET_AUDIENCE || undefined,
    issuer: env.SSEKIT_TICKET_ISSUER || undefined,
    oneTime: flag(env, 'SSEKIT_TICKET_ONE_TIME'),
  };
}

/** The keys of a JSON Web Key Set. An error does not show the file, because somebody may have named the wrong one. */
function keysIn(file: string): TicketOptions['keys'] {
  const text = contents('SSEKIT_TICKET_KEYS', file).toString();
  try {
    return JSON.parse(text).keys;
  } catch {
    throw unfitArgument('SSEKIT_TICKET_KEYS', 'a file that is not JSON', 'a JSON Web Key Set: { "keys": [...] }');
  }
}

/** The first secret signs, all of them verify. */
export function ticketSecrets(env: Environment): string[] {
  return (env.SSEKIT_TICKET_SECRET ?? '').split(/\s+/).filter(Boolean);
}

function list(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

function number(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (!/^\d+$/.test(text)) throw argumentError(name, text, 'a number');
  return Number(text);
}

function flag(env: Environment, name: string): boolean | undefined {
  return checkFlag(name, env[name]);
}
