'use strict';

/** Uses two copies of the package: the one in the folder of its argument first, then its own. */
const { join } = require('node:path');

/** The native stream of a copy can be carried by another's eyes only if both have one hub. */
async function main() {
  const copy = require(join(process.argv[2], 'index.js')).SSEService.getInstance();
  const reader = copy
    .connect(new Request('http://localhost/sse'), { userId: 'ada', clientId: 'of the copy' })
    .body.getReader();
  await reader.read();

  const own = require('ssekit').SSEService.getInstance();
  const seen = own.getClientsByUser('ada');
  const count = own.sendToUser('ada', { data: 'from the other copy' });
  const { value } = await reader.read();
  const other = own.connect(new Request('http://localhost/sse'), { anonymous: true, clientId: 'of its own' });
  process.send({
    different: copy !== own,
    seen,
    count,
    received: new TextDecoder().decode(value),
    active: copy.getActiveClients().sort(),
    epochs: [copy, own].map((sse) => sse.stats().epoch),
  });
  await Promise.all([reader.cancel(), other.body.cancel()]);
  process.disconnect();
}

main();
