import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { createFixtures, type Fixtures } from './fixture.js';

/** A server of 2026-07-28 that agrees to tell of a resource, and ends that soon after. */
const SERVER = `
import { createInterface } from 'node:readline';
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') return send({ id, error: { code: -32601, message: 'Method not found' } });
  if (method === 'server/discover')
    return send({ id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} } });
  if (method !== 'subscriptions/listen' || !params.notifications.resourceSubscriptions) return;
  const meta = { 'io.modelcontextprotocol/subscriptionId': id };
  send({ method: 'notifications/subscriptions/acknowledged', params: { notifications: params.notifications, _meta: meta } });
  setTimeout(() => send({ id, result: { resultType: 'complete' } }), 100);
});`;

let fixtures: Fixtures;
let test: TestWorker;
beforeAll(async () => {
  fixtures = createFixtures();
  const path = join(fixtures.dir, 'modern.mjs');
  writeFileSync(path, SERVER);
  test = await startTestWorker({ catalogue: { modern: { command: 'node', args: [path] } } });
});
afterAll(async () => {
  await test.stop();
  fixtures.remove();
});

it('whoever listens to a resource is told when the server tells of it no more', async () => {
  const connectionId = await test.connect({ catalog: 'modern' });
  const ends: string[] = [];
  const watching = await test.client.watch(
    {
      tenantId: test.tenantId,
      memberId: 'mem_a',
      connectionId,
      revision: 1,
      lists: false,
      uris: ['note://a'],
      timeoutMs: 5_000,
    },
    { onEvent: () => {}, onClosed: (reason) => ends.push(reason) },
  );
  expect(watching.ok).toBe(true);
  await expect.poll(() => ends, { timeout: 30_000 }).toEqual(['The server ended a subscription.']);
});
