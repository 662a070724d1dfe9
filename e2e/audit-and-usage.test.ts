// What is recorded of real calls through the real gateway, as those who answer for a workspace see it.
import { rawCall } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, openWorld, type World } from './support/world.js';

const CANARY = 'canary-e5b2';
let world: World;
let callIds: string[];

interface Event {
  kind: string;
  callId: string | null;
  outcome: string | null;
  argumentsHash: string | null;
  [field: string]: unknown;
}

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const call = async (name: string, args: Record<string, unknown>): Promise<string> => {
  const answer = await rawCall(world.mcp, name, args, { token: world.workspace.member.apiKey });
  return answer?.message?.result?._meta?.['conducktor/callId'] as string;
};

test('live activity shows calls as they are made, through the public address', async () => {
  const stop = new AbortController();
  const response = await fetch(`${world.stack.publicUrl}/api/v1/activity`, {
    headers: { authorization: `Bearer ${world.workspace.owner.apiKey}` },
    signal: stop.signal,
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
  })().catch(() => {});
  callIds = [];
  for (let n = 0; n < 5; n++) callIds.push(await call('rec_echo', { message: `${CANARY} ${n}` }));
  callIds.push(await call('rec_echo', { message: CANARY.repeat(200) }));
  await call('rec_echo', { message: 7 });
  const seen = () =>
    [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json!) as Event);
  const ended = await eventually('all outcomes on the stream', async () => {
    const outcomes = seen().filter(({ kind }) => kind === 'outcome');
    return outcomes.length === 6 && outcomes;
  });
  expect(ended.map(({ callId }) => callId).sort()).toEqual([...callIds].sort());
  expect(seen().filter(({ kind }) => kind === 'denial')).toHaveLength(1);
  expect(text).not.toContain(CANARY);
  stop.abort();
  await reading;
});

test('usage counts exactly the calls that were made', async () => {
  // What is sealed is posted a moment later.
  const totals = await eventually('usage of all calls', async () => {
    const report = await world.rest.must<{ totals: Record<string, number> }>(
      'GET',
      '/usage?groupBy=connection,tool,day',
    );
    return report.totals['p95Ms'] !== null && report.totals['calls']! >= 6 && report.totals;
  });
  expect(totals).toMatchObject({ calls: 6, errors: 0, denied: 1, heldMicros: 0 });
  expect(totals['p95Ms']).toBeGreaterThan(0);
  expect(world.upstream.calls).toHaveLength(6);
});

test('an auditor with the second permission reads what was sent; the export never holds it', async () => {
  const { items } = await world.rest.must<{ items: (Event & { id: string })[] }>(
    'GET',
    '/audit/events?order=asc&outcome=ok',
  );
  expect(items.map(({ callId }) => callId)).toEqual(callIds);
  const path = (index: number) => `/audit/events/${items[index]!.id}/payload`;
  expect((await world.rest.request('GET', path(0))).status).toBe(403);
  await world.admin.pool.query("update member set permissions = '{audit:payloads}' where id = $1", [
    world.workspace.owner.memberId,
  ]);
  expect(await world.rest.must('GET', path(0))).toMatchObject({
    state: 'available',
    arguments: { message: `${CANARY} 0` },
  });
  // Too large for an event, so it is kept apart.
  expect(await world.rest.must('GET', path(5))).toMatchObject({
    state: 'available',
    arguments: { message: CANARY.repeat(200) },
  });
  for (const format of ['ndjson', 'csv']) {
    const { text } = await world.rest.request('GET', `/audit/export?format=${format}`);
    expect(text).toContain(callIds[0]);
    expect(text).toMatch(format === 'csv' ? /"#complete",\d+/ : /"complete":true/);
    expect(text).not.toContain(CANARY);
  }
});
