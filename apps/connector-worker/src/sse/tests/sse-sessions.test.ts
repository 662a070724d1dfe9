import { createOutbound, type Outbound } from '@conducktor/outbound';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Declared } from '../../mcp/capabilities.js';
import { SseSessions } from '../sse-sessions.js';
import { type SdkSseServer, startSdkSseServer } from './sdk-sse-server.js';

let server: SdkSseServer;
let outbound: Outbound;
let room: boolean;
let sessions: SseSessions;
const MS = 5_000;
const declared = (key: string): Declared => ({ key, capabilities: {} });

beforeEach(async () => {
  server = await startSdkSseServer();
  outbound = createOutbound({ allow: ['loopback'], denyPorts: [] });
  room = true;
  sessions = new SseSessions({
    posts: outbound.dispatcher,
    streams: outbound.dispatcher,
    url: new URL(server.url),
    headers: [],
    handshakeMs: MS,
    slug: 'crm',
    hasRoom: () => room,
    onListChanged: () => {},
    onServer: () => {},
  });
});
afterEach(async () => {
  sessions.close();
  await server.close();
  await outbound.close();
});

it('one member has eight streams at most: the one unused longest is closed for another', async () => {
  const first = await sessions.open('mem_a', declared('0'), MS);
  for (let i = 1; i < 8; i++) await sessions.open('mem_a', declared(String(i)), MS);
  await sessions.open('mem_a', declared('1'), MS);
  expect(first.ended).toBe(false);
  await sessions.open('mem_a', declared('8'), MS);
  expect(first.ended).toBe(true);
  await expect.poll(() => server.sessions).toBe(8);
  await sessions.open('mem_b', declared(''), MS);
  expect(sessions.size).toBe(9);
});

it('a stream that is needed is not closed for another', async () => {
  for (let i = 0; i < 8; i++) (await sessions.open('mem_a', declared(String(i)), MS)).held++;
  expect(() => sessions.open('mem_a', declared('8'), MS)).toThrow('Too many sessions with crm');
});

it('a worker without room closes what is idle, and refuses when nothing is', async () => {
  const idle = await sessions.open('mem_a', declared(''), MS);
  room = false;
  const next = await sessions.open('mem_b', declared(''), MS);
  expect(idle.ended).toBe(true);
  next.held++;
  expect(() => sessions.open('mem_c', declared(''), MS)).toThrow('Too many sessions');
});

it('a stream that nobody used for long is closed', async () => {
  const unused = await sessions.open('mem_a', declared(''), MS);
  const watched = await sessions.open('mem_b', declared(''), MS);
  watched.held++;
  sessions.sweep(Date.now() + 60_000, 30_000);
  expect([unused.ended, watched.ended]).toEqual([true, false]);
  expect(sessions.size).toBe(1);
});
