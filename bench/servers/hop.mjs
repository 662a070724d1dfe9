// A proxy hop with nothing in it: node:http in, undici out, bodies passed on whole. Two of them in a
// row are the shape of gateway and worker without any governance, and the denominator of the ratio.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [port, target] = [Number(process.argv[2]), process.argv[3]];
const pool = new Pool(target, { connections: 128, pipelining: 1 });

const server = createServer((incoming, outgoing) => {
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', () => {
    pool
      .request({
        path: incoming.url,
        method: incoming.method,
        headers: { 'content-type': 'application/json', accept: incoming.headers.accept },
        body: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks),
      })
      .then(async (response) => {
        const body = Buffer.from(await response.body.arrayBuffer());
        outgoing.writeHead(response.statusCode, {
          'content-type': response.headers['content-type'],
          'content-length': body.length,
        });
        outgoing.end(body);
      })
      .catch((error) => outgoing.writeHead(502).end(error.message));
  });
});
server.keepAliveTimeout = 120_000;
server.listen(port, '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
