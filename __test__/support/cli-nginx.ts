/** A real nginx in front of a port, with a configuration of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port';
import { until } from './until';

const running = new Set<Nginx>();

/** Call it in `afterEach`. */
export async function stopNginx(): Promise<void> {
  await Promise.all([...running].map((nginx) => nginx.stop()));
}

export class Nginx {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /**
   * `locations`: by path, the directives beside `proxy_pass`. A request for `/path/sse` gets the upstream's `/sse`. With
   * `keepalive` it uses its connections to the upstream again.
   */
  static async start(upstream: number, locations: Record<string, string>, { keepalive = false } = {}): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'ssekit-nginx-'));
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, upstream, locations, keepalive));
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
    const child = spawn(program(), args, { stdio: 'ignore' });
    const nginx = new Nginx(port, child, folder);
    running.add(nginx);
    await until('nginx to listen', () => {
      if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'error.log'), 'utf8'));
      return accepts(port);
    });
    return nginx;
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.#child.exitCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Nothing of it is written anywhere but into its folder, so that any user may run it. */
function configuration(
  folder: string,
  port: number,
  upstream: number,
  locations: Record<string, string>,
  keepalive: boolean,
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const blocks = Object.entries(locations).map(
    ([path, directives]) =>
      `location /${path}/ { proxy_pass http://${keepalive ? 'kept' : `127.0.0.1:${upstream}`}/; ${directives} }`,
  );
  const kept = keepalive ? `upstream kept { server 127.0.0.1:${upstream}; keepalive 8; }` : '';
  return `
    daemon off;
    worker_processes 1;
    pid ${join(folder, 'nginx.pid')};
    events { worker_connections 64; }
    http {
      access_log off;
      ${temporary.join(' ')}
      ${kept}
      server { listen 127.0.0.1:${port}; ${blocks.join(' ')} }
    }`;
}

function program(): string {
  const path = process.env.NGINX_PATH;
  if (!path) throw new Error('NGINX_PATH is not set: run the tests with npm test');
  return path;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
