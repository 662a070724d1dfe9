// The denominator of `tools/list`: node:http, which reads the request and sends the same bytes each
// time. They come as the first message.
import { createServer } from 'node:http';

const port = Number(process.argv[2]);
let body = Buffer.alloc(0);

const server = createServer((incoming, outgoing) => {
  incoming.on('data', () => {});
  incoming.on('end', () => {
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    outgoing.end(body);
  });
});
server.keepAliveTimeout = 120_000;
process.on('message', (bytes) => {
  body = Buffer.from(bytes);
  process.send('set');
});
process.on('disconnect', () => process.exit(0));
server.listen(port, '127.0.0.1', () => process.send('ready'));
