import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../fault-proxy.js';

const server = createServer((_request, response) => response.end('a whole answer'));
let proxy: FaultProxy;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy({ port: (server.address() as AddressInfo).port });
});
afterAll(async () => {
  await proxy.close();
  server.closeAllConnections();
  server.close();
});

const get = async (timeoutMs = 2_000) =>
  (
    await fetch(`http://127.0.0.1:${proxy.port}/`, { signal: AbortSignal.timeout(timeoutMs) })
  ).text();

test('passes bytes on', async () => {
  expect(await get()).toBe('a whole answer');
});

test('slow: the answer comes late', async () => {
  await proxy.set('slow', { delayMs: 80 });
  const start = performance.now();
  expect(await get()).toBe('a whole answer');
  expect(performance.now() - start).toBeGreaterThan(150);
  await proxy.set('pass');
});

test('half-open: nothing comes back', async () => {
  await proxy.set('half-open');
  await expect(get(200)).rejects.toThrow(/timeout|aborted/i);
  await proxy.set('pass');
});

test('reset and cut: the connection ends before the answer does', async () => {
  await proxy.set('reset');
  await expect(get()).rejects.toThrow();
  await proxy.set('cut', { cutAfter: 20 });
  await expect(get()).rejects.toThrow();
  await proxy.set('pass');
});

test('refuse: nobody listens, and later somebody does again', async () => {
  await proxy.set('refuse');
  await expect(get()).rejects.toThrow();
  await proxy.set('pass');
  expect(await get()).toBe('a whole answer');
});
