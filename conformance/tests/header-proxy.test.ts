import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHeaderProxy, type HeaderProxy } from '../support/header-proxy.js';

let target: Server;
let targetHost: string;
let proxy: HeaderProxy;
const seen: IncomingMessage[] = [];
let release: () => void = () => undefined;

beforeAll(async () => {
  target = createServer((incoming, outgoing) => {
    seen.push(incoming);
    if (incoming.url !== '/stream') return void outgoing.end('whole');
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.write('data: first\n\n');
    release = () => outgoing.end('data: last\n\n');
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  targetHost = `127.0.0.1:${(target.address() as AddressInfo).port}`;
  proxy = await startHeaderProxy(`http://${targetHost}`, 'secret');
});
afterAll(async () => {
  await proxy.close();
  target.closeAllConnections();
  target.close();
});

test('the token is added, and the name of the proxy becomes that of the target', async () => {
  await (await request(proxy.origin, { headers: { origin: proxy.origin } })).body.text();
  expect(seen.at(-1)!.headers).toMatchObject({
    authorization: 'Bearer secret',
    host: targetHost,
    origin: `http://${targetHost}`,
  });
});

test('the name of somebody else reaches the target as it is', async () => {
  const headers = { host: 'evil.example.com', origin: 'http://evil.example.com' };
  await (await request(proxy.origin, { headers })).body.text();
  expect(seen.at(-1)!.headers).toMatchObject(headers);
});

test('an event arrives while the stream is open, and a closed stream is closed behind', async () => {
  const { body } = await request(`${proxy.origin}/stream`);
  const reader = body[Symbol.asyncIterator]();
  expect(String((await reader.next()).value)).toBe('data: first\n\n');
  release();
  expect(String((await reader.next()).value)).toBe('data: last\n\n');

  const open = await request(`${proxy.origin}/stream`);
  const closed = new Promise((resolve) => seen.at(-1)!.socket.once('close', resolve));
  open.body.on('error', () => undefined);
  open.body.destroy();
  await closed;
});
