import { randomBytes } from 'node:crypto';
import type { CallResult } from '@conducktor/contracts';
import { rank, RpcServer, type RpcHandlers } from '@conducktor/runtime';
import { afterEach, expect, it } from 'vitest';
import { connectWorkers, type Workers } from '../workers.js';

const key = randomBytes(32);
const unknown: CallResult = { outcome: 'unknown', message: 'Never heard of it.', durationMs: 0 };
const answered: CallResult = { outcome: 'ok', resultJson: '{}', durationMs: 1 };
const request = { callId: 'call_1', tenantId: 'ten_1', memberId: 'mem_1', replies: [] };
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function worker(resume: RpcHandlers['resume']): Promise<string> {
  const server = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: 0 },
    key,
    handlers: {
      call: async () => unknown,
      resume,
      watch: async () => ({ ok: true }),
      refresh: async () => ({ status: 'ERROR', tools: [], ms: 0 }),
      committed: () => {},
    },
  });
  stops.push(() => server.close());
  return `127.0.0.1:${server.port}`;
}

function connect(addresses: string[]): Workers {
  const workers = connectWorkers({ addresses, key, instanceId: 'gateway', onLate: () => {} });
  stops.push(() => workers.close());
  return workers;
}

it('finds the worker that holds a call, also when it is not the first in rank', async () => {
  const asked: string[] = [];
  let holder: string | undefined;
  const [one, two] = [
    await worker(async () => (asked.push('one'), holder === 'one' ? answered : unknown)),
    await worker(async () => (asked.push('two'), holder === 'two' ? answered : unknown)),
  ];
  const order = rank('con_1', [one, two]).map((address) => (address === one ? 'one' : 'two'));
  const workers = connect([one, two]);
  holder = order[0];
  expect(await workers.resume('con_1', request, {})).toMatchObject({ outcome: 'ok' });
  expect(asked.splice(0)).toEqual([order[0]]);
  holder = order[1];
  expect(await workers.resume('con_1', request, {})).toMatchObject({ outcome: 'ok' });
  expect(asked.splice(0)).toEqual(order);
  holder = undefined;
  expect(await workers.resume('con_1', request, {})).toEqual(unknown);
});

it('says so when there is no worker', async () => {
  const workers = connect(['127.0.0.1:9']);
  expect(await workers.resume('con_1', request, {})).toMatchObject({ outcome: 'unavailable' });
  const watch = { lists: true, uris: [], timeoutMs: 100, connectionId: 'con_1', revision: 1 };
  expect(
    await workers.watch(
      { ...watch, tenantId: 'ten_1', memberId: 'mem_1' },
      { onEvent: () => {}, onClosed: () => {} },
    ),
  ).toMatchObject({ ok: false });
});
