/** Opens a stream at a listener, publishes to it, and says what came: `node publishes-to-itself.mjs <port> <token>`. */
const [port, token] = process.argv.slice(2);
const at = `http://127.0.0.1:${port}`;

const stream = await fetch(`${at}/events`);
const published = await fetch(`${at}/publish`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify({ broadcast: true, event: { event: 'news', data: 'to itself' } }),
});
const { clients } = await published.json();
let text = '';
for await (const bytes of stream.body) {
  text += Buffer.from(bytes).toString();
  if (text.includes('data: "to itself"\n')) break;
}
console.log(JSON.stringify({ clients, received: text.split('event: news\n').length - 1 }));
process.exit();
