/** Explains in plain words what went wrong before there was a response. */
import { oneLine } from '../output.js';

export interface Explanation {
  /** Whether a server is to blame. If not, there is nothing to examine. */
  isServersFault: boolean;
  seen: string;
  remedy: string;
}

const TRUST =
  'Install a certificate that browsers trust (Let’s Encrypt, your cloud provider). For one of your own, set NODE_EXTRA_CA_CERTS to the file of its authority for this check, and make browsers trust it.';
const CHAIN =
  'Let the server send its certificate together with the intermediate ones (nginx: ssl_certificate with the full chain, “fullchain.pem”). For an authority of your own, set NODE_EXTRA_CA_CERTS to its file.';

const NETWORK: Record<string, [seen: string, remedy: string]> = {
  ENOTFOUND: ['There is no such host name', 'Check the spelling, and that the name is in DNS.'],
  EAI_AGAIN: ['The name could not be looked up', 'Check that this machine has a working DNS resolver.'],
  ECONNREFUSED: ['Nothing listens there', 'Start the server, and check host and port.'],
  ETIMEDOUT: ['The host does not answer', 'Check the address, and that no firewall is in between.'],
  EHOSTUNREACH: ['The host cannot be reached', 'Check the address, and this machine’s network.'],
  ENETUNREACH: ['The network cannot be reached', 'Check this machine’s network.'],
};

const SERVER: Record<string, [seen: string, remedy: string]> = {
  CERT_HAS_EXPIRED: ['The TLS certificate has expired', 'Renew it, and see to it that this happens by itself.'],
  CERT_NOT_YET_VALID: ['The TLS certificate is not valid yet', 'Check the clocks of the server and of this machine.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['The TLS certificate is signed by nobody but itself', TRUST],
  SELF_SIGNED_CERT_IN_CHAIN: ['The TLS certificate comes from an authority that nobody knows', TRUST],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['The TLS certificate comes without the one that signed it', CHAIN],
  UNABLE_TO_GET_ISSUER_CERT: ['The TLS certificate comes without the one that signed it', CHAIN],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['The TLS certificate comes without the one that signed it', CHAIN],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'The TLS certificate is for another host name',
    'Use the name that the certificate is for, or get one that has this name, too.',
  ],
  EPROTO: [
    'The server does not speak TLS as it should',
    'If it speaks plain HTTP on this port, use http:// in the address; else see to its TLS settings.',
  ],
  ECONNRESET: [
    'The server broke the connection off before it answered',
    'See what its log says. If it speaks TLS on this port, use https:// in the address.',
  ],
  EPIPE: ['The server broke the connection off before it answered', 'See what its log says.'],
};

const NO_HTTP: [string, string] = [
  'What answers does not speak HTTP',
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
