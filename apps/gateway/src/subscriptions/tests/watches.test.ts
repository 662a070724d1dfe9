// Watches over the worker protocol; the other end takes them as each test says.
import { randomBytes } from 'node:crypto';
import type { UpstreamEvent } from '@conducktor/contracts';
import { RpcServer, type RpcHandlers } from '@conducktor/runtime';
import { afterEach, expect, it } from 'vitest';
import { connectWorkers } from '../../workers/workers.js';
import type { Caller } from '../../tool-call/types.js';
import type { ConnectionEntry } from '../../workspace/types.js';
import { Watches } from '../watches.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const caller = { workspace: { tenantId: 'ten_1' }, member: { id: 'mem_1' } } as Caller;
const connection = { id: 'con_1', revision: 1, timeoutMs: 1_000 } as ConnectionEntry;

async function watchesOver(watch: RpcHandlers['watch']) {
  const key = randomBytes(32);
  const server = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: 0 },
    key,
    handlers: {
      call: async () => ({ outcome: 'unknown', durationMs: 0 }),
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch,
      refresh: async () => ({ status: 'ERROR', tools: [], ms: 0 }),
      committed: () => {},
    },
  });
  stops.push(() => server.close());
  const workers = connectWorkers({
    addresses: [`127.0.0.1:${server.port}`],
    key,
    instanceId: 'gateway',
    onLate: () => {},
  });
  stops.push(() => workers.close());
  const watches = new Watches(workers);
  stops.push(() => watches.stop());
  const events: UpstreamEvent[] = [];
  const join = () =>
    watches.resource(caller, connection, 'test://x', {
      onEvent: (event) => void events.push(event),
      onRefused: () => {},
    });
  return { join, events };
}

it('waits longer and longer for an upstream that takes every watch and drops it', async () => {
  let opened = 0;
  const { join } = await watchesOver(async (_, stream) => {
    opened++;
    setImmediate(() => stream.end('The server went away.'));
    return { ok: true };
  });
  expect(await join().answer).toMatchObject({ ok: true });
  // At 250 ms each there would be seven at the least.
  await new Promise((resolve) => setTimeout(resolve, 1_750));
  expect(opened).toBeGreaterThan(1);
  expect(opened).toBeLessThan(6);
});

it('answers who joins by the last attempt, and tells the others what they may have missed', async () => {
  let opened = 0;
  const { join, events } = await watchesOver(async () =>
    ++opened === 1 ? { ok: false, message: 'Not now.' } : { ok: true },
  );
  expect(await join().answer).toMatchObject({ ok: false });
  await expect.poll(() => events).toEqual([{ kind: 'gap' }]);
  expect(await join().answer).toMatchObject({ ok: true });
  expect(opened).toBe(2);
});
