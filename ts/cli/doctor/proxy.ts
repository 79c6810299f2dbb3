/** The remedy for a stream depends on the proxy in front of the app. */
import type { HeaderFields } from '../http/open.js';

interface Proxy {
  name: string;
  recognizes: (fields: HeaderFields) => boolean;
  buffering: string;
  compression: string;
  idle: string;
}

const PROXIES: Proxy[] = [
  {
    name: 'nginx',
    recognizes: ({ server = '' }) => /nginx|openresty/i.test(server),
    buffering:
      'nginx: “proxy_buffering off;” in the location of the stream. ssekit asks for that with X-Accel-Buffering, so look for “proxy_ignore_headers X-Accel-Buffering;”. Also set “proxy_http_version 1.1;”.',
    compression:
      'nginx: remove text/event-stream from “gzip_types”, or set “gzip off;” (and “brotli off;”) in the location of the stream.',
    idle: 'nginx: “proxy_read_timeout 1h;” in the location of the stream (60 s by default).',
  },
  {
    name: 'Apache',
    recognizes: ({ server = '' }) => /apache/i.test(server),
    buffering: 'Apache: “flushpackets=on” on the ProxyPass of the stream.',
    compression: 'Apache: “SetEnvIf Request_URI ^/api/sse no-gzip=1 no-brotli=1”.',
    idle: 'Apache: “timeout=3600” on the ProxyPass of the stream (60 s by default).',
  },
];

const ANY = {
  buffering:
    'Switch response buffering off for this path in every proxy, load balancer and CDN on the way. nginx: “proxy_buffering off;”. Apache: “flushpackets=on” on its ProxyPass.',
  compression:
    'Switch compression off for text/event-stream wherever it happens: in a middleware of the app (the “compression” package, a custom server), in the proxy, in the CDN.',
  idle: 'Raise the idle timeout for this path in every proxy and load balancer on the way. nginx: “proxy_read_timeout 1h;”. AWS ALB: “idle_timeout.timeout_seconds”.',
};

/** The fix for the proxy's behaviour, as far as the response shows which proxy it is. */
export function remedyFor(what: 'buffering' | 'compression' | 'idle', fields: HeaderFields = {}): string {
  return PROXIES.find(({ recognizes }) => recognizes(fields))?.[what] ?? ANY[what];
}

/** The proxy in front of the app, if it is one of the known ones. */
export function proxyName(fields: HeaderFields): string | undefined {
  return PROXIES.find(({ recognizes }) => recognizes(fields))?.name;
}
