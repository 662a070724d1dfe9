import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOutbound } from '../index.js';

/** Sends headers and the begin of a body, or not even that, and never more. */
const server = createServer((request, response) => {
  if (request.url === '/headers') response.writeHead(200).write('{');
});
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test.each(['/headers', '/silence'])(
  'origins whose answers to %s were given up do not keep others from being asked',
  async (path) => {
    const outbound = createOutbound({
      allow: ['127.0.0.0/8'],
      denyPorts: [],
      maxOrigins: 3,
      resolve: async () => [{ address: '127.0.0.1', family: 4, port }],
    });
    try {
      for (let n = 0; n < 8; n++) {
        const gone = new Promise<void>((resolve) =>
          outbound.dispatcher.once('disconnect', () => setImmediate(resolve)),
        );
        const giveUp = new AbortController();
        const asked = outbound.fetch(`http://host-${n}.example${path}`, { signal: giveUp.signal });
        if (path === '/headers') expect((await asked).status).toBe(200);
        else
          await new Promise<void>((resolve) =>
            outbound.dispatcher.once('connect', () => resolve()),
          );
        giveUp.abort(new Error('given up'));
        if (path !== '/headers') await expect(asked).rejects.toThrow('given up');
        await gone;
      }
    } finally {
      await outbound.close();
    }
  },
);
