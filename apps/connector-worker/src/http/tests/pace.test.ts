import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UpstreamFailure } from '../../connector.js';
import { EventStream } from '../../sse/event-stream.js';
import { HttpExchange } from '../http-exchange.js';
import { ALL_ANSWERS, NOTIFICATIONS, Pace } from '../pace.js';

const MB = 1024 * 1024;
const NOTHING = ': nothing\n\n'.repeat(6_000);

let server: Server;
let poured: number;
const dispatcher = new Agent();
beforeEach(async () => {
  poured = 0;
  server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const pour = () => {
      do poured += NOTHING.length;
      while (!response.destroyed && response.write(NOTHING));
    };
    response.on('drain', pour);
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const target = () => ({
  origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  path: '/',
});

it.each([
  [
    'of notifications',
    NOTIFICATIONS,
    () => {
      const exchange = new HttpExchange({
        dispatcher,
        target: target(),
        method: 'GET',
        headers: [],
        body: undefined,
        id: undefined,
        pace: new Pace(NOTIFICATIONS),
      });
      return () => exchange.abort();
    },
  ],
  [
    'of all answers',
    ALL_ANSWERS,
    () => {
      const hooks = { onEvent: () => {}, onEnd: () => {} };
      const stream = new EventStream({ dispatcher, target: target(), headers: [], ...hooks });
      return () => stream.close(new UpstreamFailure('unavailable', 'left'));
    },
  ],
])('a stream %s without end is read at its pace', async (_what, limits, open) => {
  const started = performance.now();
  const close = open();
  await expect.poll(() => poured, { timeout: 30_000 }).toBeGreaterThan(limits.burst);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const seconds = (performance.now() - started) / 1_000;
  // Sockets hold some megabytes on either side.
  expect(poured).toBeLessThan(limits.burst + seconds * limits.perSecond + 10 * MB);
  const before = poured;
  await expect.poll(() => poured, { timeout: 30_000, interval: 200 }).toBeGreaterThan(before);
  close();
});
