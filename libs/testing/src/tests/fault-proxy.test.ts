import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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

test('cut: the other end hears of it when bytes of the client are cut', async () => {
  await proxy.set('cut', { cutAfter: 20, direction: 'forth' });
  await expect(get()).rejects.toThrow();
  await proxy.set('pass');
  expect(await get()).toBe('a whole answer');
});

test('half-open from the client: the server sees nothing, not even the end, until the fault is over', async () => {
  const sockets: Socket[] = [];
  const heard: string[] = [];
  const silent = createTcp((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => heard.push(String(chunk)));
    socket.on('close', () => heard.push('closed'));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const through = await startFaultProxy({ port: (silent.address() as AddressInfo).port });
  const client = connect(through.port, '127.0.0.1');
  await once(client, 'connect');
  client.write('before');
  await vi.waitFor(() => expect(heard).toEqual(['before']));
  await through.set('half-open', { direction: 'both' });
  client.write('lost');
  client.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(heard).toEqual(['before']);
  await through.set('pass');
  await vi.waitFor(() => expect(heard).toEqual(['before', 'closed']));
  await through.close();
  silent.close();
});

test('stall: what was held arrives, whole and in order, when the fault is over', async () => {
  await proxy.set('stall', { direction: 'both' });
  const answer = get();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await proxy.set('pass');
  expect(await answer).toBe('a whole answer');
});

test('corrupt: the same number of bytes, and some are others', async () => {
  const bytes = Buffer.alloc(10_000, 'a');
  const plain = createTcp((socket) => socket.end(bytes));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const through = await startFaultProxy({ port: (plain.address() as AddressInfo).port });
  await through.set('corrupt', { corruptEvery: 100 });
  const read = async () => Buffer.concat(await connect(through.port, '127.0.0.1').toArray());
  const seen = await read();
  expect(seen.length).toBe(bytes.length);
  const changed = [...seen].filter((byte) => byte !== bytes[0]).length;
  expect(changed).toBe(through.corrupted);
  expect(changed).toBeGreaterThan(20);
  await through.set('pass');
  expect((await read()).equals(bytes)).toBe(true);
  await through.close();
  plain.close();
});
