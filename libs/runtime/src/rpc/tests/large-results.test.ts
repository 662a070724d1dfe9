import { randomBytes } from 'node:crypto';
import type { CallRequest } from '@conducktor/contracts';
import { afterEach, expect, it } from 'vitest';
import { LargeResults } from '../large-results.js';
import { RpcClient } from '../rpc-client.js';
import { RpcServer } from '../rpc-server.js';

const MB = 1024 * 1024;
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

it('lets tenants take turns, and takes no more of one or of all than they may have', () => {
  const waiting = new LargeResults();
  const sent: string[] = [];
  const add = (tenant: string, size = 10 * MB) =>
    waiting.add(tenant, size, () => sent.push(tenant));
  expect(Array.from({ length: 7 }, () => add('a'))).toEqual([...Array(6).fill(true), false]);
  expect([add('b'), add('c')]).toEqual([true, true]);
  for (let n = 0; n < 4; n++) waiting.next();
  expect(sent).toEqual(['a', 'b', 'c', 'a']);
  while (waiting.any) waiting.next();
  expect(sent).toHaveLength(8);
  const tenants = Array.from({ length: 40 }, (_, n) => add(`tenant-${n}`));
  expect(tenants.filter(Boolean)).toHaveLength(25);
});

it('sixty results of 10 MB at once neither cut the connection nor hold up small ones', async () => {
  const key = randomBytes(32);
  const large = JSON.stringify({ text: 'x'.repeat(10 * MB) });
  const server = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: 0 },
    key,
    handlers: {
      call: async ({ tenantId }) => ({
        outcome: 'ok',
        resultJson: tenantId === 'large' ? large : '{}',
        durationMs: 1,
      }),
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch: async () => ({ ok: true }),
      refresh: async () => ({ status: 'ACTIVE', tools: [], ms: 1 }),
      committed: () => {},
    },
  });
  stops.push(() => server.close());
  const client = new RpcClient({ address: `127.0.0.1:${server.port}`, key, instanceId: 'gateway' });
  stops.push(() => client.close());
  await client.whenReady(2_000);

  const call = (tenantId: string, n: number) =>
    client.call({
      key: { epoch: 1, tick: 1, ordinal: n },
      callId: `call_${tenantId}_${n}`,
      tenantId,
      memberId: 'mem_a',
      connectionId: 'con_a',
      revision: 1,
      method: 'tools/call',
      name: 'x',
      argumentsJson: '{}',
      timeoutMs: 20_000,
      progress: false,
    } satisfies CallRequest);
  let arrived = 0;
  const heavy = Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const { outcome, error, resultJson } = await call('large', n);
      if (resultJson) arrived++;
      // A gateway parses and writes what it gets, and reads nothing meanwhile.
      if (resultJson) for (const until = performance.now() + 40; performance.now() < until;);
      return outcome === 'ok' ? 'ok' : error?.message;
    }),
  );
  /** Large ones that came while a small one was waited for: an order, whatever the machine's pace. */
  let most = 0;
  for (let n = 0; n < 20; n++) {
    const before = arrived;
    expect((await call('small', n)).outcome).toBe('ok');
    most = Math.max(most, arrived - before);
  }
  const told = await heavy;
  expect(told.filter((one) => one === 'ok').length).toBeGreaterThan(5);
  expect(new Set(told)).toEqual(
    new Set(['ok', 'The result was discarded: too many large ones came at once.']),
  );
  // Behind 26 MB at most and the one that is read, not behind all that wait (64 MB of a tenant).
  expect(most).toBeLessThanOrEqual(4);
});
