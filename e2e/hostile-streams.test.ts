// Streams that stay open for notifications, and servers that flood or drop them: the client hears in
// measure and of its own, the servers are not asked again and again, nobody else is hindered.
import { HOSTILE_STREAMS, startHostileUpstream, type HostileUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryWatch, Neighbour } from './support/neighbour.js';
import { connect, openWorld, type World } from './support/world.js';

const ROUNDS = 8;
const ROUND_MS = 2_000;
const BOUND_MB_PER_S = 8;
const MB = 1024 * 1024;
const SERVERS = (['modern', 'legacy'] as const).flatMap((era) =>
  Object.keys(HOSTILE_STREAMS).map((streams) => ({
    era,
    streams,
    slug: `${era}-${streams.replaceAll('_', '-')}`,
  })),
);

let world: World;
let victim: World;
let hostile: HostileUpstream;
beforeAll(async () => {
  [world, victim, hostile] = await Promise.all([openWorld(), openWorld(), startHostileUpstream()]);
  for (const { slug, era, streams } of SERVERS)
    await connect(world.rest, slug, hostile.url(era, { streams }));
});
afterAll(() => Promise.all([world.close(), victim.close(), hostile.close()]));

test(`${SERVERS.length} servers storm at one client`, async () => {
  const memory = new MemoryWatch(world.stack.dataDir);
  const neighbour = new Neighbour(victim);
  const uris = SERVERS.map(({ slug }) => `${slug}+hostile://fine/1`);
  const seenBefore = hostile.seen.length;
  const enough = new AbortController();
  const heard = listen(uris, enough.signal);
  // At first a stream may bring some megabytes at once; how long that lasts depends on the machine.
  let rate = Infinity;
  for (let round = 0; round < ROUNDS && (round < 3 || rate >= BOUND_MB_PER_S); round++) {
    const pouredBefore = poured();
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    rate = (poured() - pouredBefore) / MB / (ROUND_MS / 1_000);
  }
  enough.abort();
  const notes = await heard;
  const asked = hostile.seen.slice(seenBefore);
  const streams = asked.filter(({ message }) => message.method === 'stream').length;
  const { calls, p50, max } = await neighbour.stop();
  const growth = memory.stop();
  console.log(
    `${notes.length} notifications, ${asked.length} requests of which ${streams} opened streams, ${rate.toFixed(1)} MB/s read; neighbour: ${calls} calls, p50 ${p50} ms, longest ${max} ms; ${growth.words}`,
  );

  const updated = notes.filter(({ method }) => method === 'notifications/resources/updated');
  expect(updated.length).toBeGreaterThan(4);
  expect(updated.filter(({ params }) => !uris.includes(String(params['uri'])))).toEqual([]);
  expect(notes.length).toBeLessThan(400);
  const foreign = notes.filter(({ method }) => /message|progress|sampling/.test(method));
  expect(foreign).toEqual([]);

  // Answers to what a session asks us outside of calls are counted in, and bounded too.
  expect(asked.length).toBeLessThan(1_000);
  expect(streams).toBeLessThan(100);
  expect(rate).toBeLessThan(BOUND_MB_PER_S);
  expect(neighbour.failures).toEqual([]);
  expect(max).toBeLessThan(10_000);
  expect(growth.largestMb, growth.words).toBeLessThan(600);
}, 60_000);

const poured = () => [...hostile.poured.values()].reduce((sum, bytes) => sum + bytes, 0);

interface Note {
  method: string;
  params: Record<string, unknown>;
}

/** Everything that a modern client hears until it has enough. */
async function listen(uris: string[], enough: AbortSignal): Promise<Note[]> {
  const response = await fetch(world.mcp, {
    method: 'POST',
    signal: enough,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${world.workspace.member.apiKey}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'subscriptions/listen',
      params: {
        notifications: {
          toolsListChanged: true,
          promptsListChanged: true,
          resourcesListChanged: true,
          resourceSubscriptions: uris,
        },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  });
  expect(response.status).toBe(200);
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body!)
      text += decoder.decode(chunk as Uint8Array, { stream: true });
  } catch {
    // Our own end of it.
  }
  return text
    .slice(0, text.lastIndexOf('\n\n'))
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice(5)) as Note);
}
