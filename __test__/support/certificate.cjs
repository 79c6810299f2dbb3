'use strict';

const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** A new key and certificate for 127.0.0.1, so that none has to be committed. */
exports.certificate = function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-tls-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  // Native code takes no certificate of a server that says it is an authority's, as openssl has it unless told.
  const kind = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  execFileSync('openssl', [...request, ...subject, ...kind, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
};
