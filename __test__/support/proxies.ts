/** nginx, Caddy and HAProxy in front of a port. */
import { join } from 'node:path';
import { ProxyProcess } from './proxy-process';

/**
 * `locations`: by path, the directives beside `proxy_pass`. A request for `/path/sse` gets the upstream's `/sse`, and with
 * the path `''` every path stays as it is. With `keepalive` nginx uses its connections to the upstream again.
 */
export function startNginx(
  upstream: number,
  locations: Record<string, string>,
  { keepalive = false } = {},
): Promise<ProxyProcess> {
  return ProxyProcess.start({
    name: 'nginx',
    variable: 'NGINX_PATH',
    args: (folder, file) => ['-p', folder, '-c', file, '-e', 'stderr'],
    configuration(folder, port) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${join(folder, name)};`,
      );
      const blocks = Object.entries(locations).map(
        ([path, directives]) => `location ${path && `/${path}`}/ { proxy_pass http://app/; ${directives} }`,
      );
      return `
        daemon off;
        worker_processes 1;
        pid ${join(folder, 'nginx.pid')};
        events { worker_connections 64; }
        http {
          access_log off;
          ${temporary.join(' ')}
          upstream app { server 127.0.0.1:${upstream}; ${keepalive ? 'keepalive 8;' : ''} }
          server { listen 127.0.0.1:${port}; ${blocks.join(' ')} }
        }`;
    },
  });
}

/** Caddy uses its connections to the upstream again by default. */
export function startCaddy(upstream: number): Promise<ProxyProcess> {
  return ProxyProcess.start({
    name: 'caddy',
    variable: 'CADDY_PATH',
    args: (_folder, file) => ['run', '--adapter', 'caddyfile', '--config', file],
    configuration: (_folder, port) => `
      {
        admin off
        auto_https off
      }
      http://:${port} {
        bind 127.0.0.1
        reverse_proxy 127.0.0.1:${upstream}
      }`,
  });
}

/** As docs/deploying.md has it; HAProxy uses its connections to the upstream again for every client, from the first request on. */
export function startHAProxy(upstream: number): Promise<ProxyProcess> {
  return ProxyProcess.start({
    name: 'haproxy',
    variable: 'HAPROXY_PATH',
    args: (_folder, file) => ['-db', '-f', file],
    configuration: (_folder, port) => `
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option abortonclose
  option http-no-delay
frontend web
  bind 127.0.0.1:${port}
  default_backend app
backend app
  http-reuse always
  server app1 127.0.0.1:${upstream}
`,
  });
}
