/** Explains in plain words what went wrong before there was a response. */
import { oneLine } from '../output.js';

export interface Explanation {
  /** Whether a server is to blame. If not, there is nothing to examine. */
  isServersFault: boolean;
  seen: string;
  remedy: string;
}

const TRUST =
  'Install a certificate that browsers trust (Let’s Encrypt, your cloud provider). To check with your own authority, set NODE_EXTRA_CA_CERTS to its file, and make browsers trust it, too.';
const CHAIN =
  'Let the server send its intermediate certificates, too (nginx: ssl_certificate with the full chain, “fullchain.pem”). To check with your own authority, set NODE_EXTRA_CA_CERTS to its file.';

const NETWORK: Record<string, [seen: string, remedy: string]> = {
  ENOTFOUND: ['The host name does not exist', 'Check its spelling and its DNS record.'],
  EAI_AGAIN: ['The host name could not be looked up', 'Check that this machine has a working DNS resolver.'],
  ECONNREFUSED: ['Nothing listens there', 'Start the server, or correct the host and port.'],
  ETIMEDOUT: ['The host does not answer', 'Check the address, and look for a firewall in between.'],
  EHOSTUNREACH: ['The host cannot be reached', 'Check the address and this machine’s network.'],
  ENETUNREACH: ['The network cannot be reached', 'Check this machine’s network.'],
};

const SERVER: Record<string, [seen: string, remedy: string]> = {
  CERT_HAS_EXPIRED: ['The TLS certificate has expired', 'Renew it, and automate that.'],
  CERT_NOT_YET_VALID: ['The TLS certificate is not valid yet', 'Check the clocks of the server and of this machine.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['The TLS certificate is self-signed', TRUST],
  SELF_SIGNED_CERT_IN_CHAIN: ['The TLS certificate comes from an unknown authority', TRUST],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['The server does not send the certificate that signed its own', CHAIN],
  UNABLE_TO_GET_ISSUER_CERT: ['The server does not send the certificate that signed its own', CHAIN],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['The server does not send the certificate that signed its own', CHAIN],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'The TLS certificate is for another host name',
    'Use the name in the certificate, or get a certificate that also has this name.',
  ],
  EPROTO: [
    'The server does not speak TLS correctly',
    'If it speaks plain HTTP on this port, use http:// in the address. If not, check its TLS settings.',
  ],
  ECONNRESET: [
    'The server closed the connection before it answered',
    'Look at its log. If it speaks TLS on this port, use https:// in the address.',
  ],
  EPIPE: ['The server closed the connection before it answered', 'Look at its log.'],
};

const NO_HTTP: [string, string] = [
  'The server does not speak HTTP',
  'Check the port. If the server speaks TLS on it, use https:// in the address.',
];

/** Returns `undefined` for an error that says nothing about the connection. */
export function explain(error: unknown): Explanation | undefined {
  const { code = '', message = '', reason } = error as NodeJS.ErrnoException & { reason?: string };
  const network = NETWORK[code];
  if (network) return { isServersFault: false, seen: network[0], remedy: network[1] };
  const server =
    SERVER[code] ?? (code.startsWith('HPE_') ? NO_HTTP : code.startsWith('ERR_SSL_') ? SERVER.EPROTO : undefined);
  if (!server) return undefined;
  return {
    isServersFault: true,
    seen: `${server[0]} (${oneLine(reason ?? message.split('\n', 1)[0] ?? '')})`,
    remedy: server[1],
  };
}
