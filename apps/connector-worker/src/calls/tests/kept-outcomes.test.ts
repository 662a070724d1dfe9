import type { LateOutcome } from '@conducktor/contracts';
import {
  startFaultProxy,
  startRecordingUpstream,
  type RecordingUpstream,
} from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestWorker, type TestWorker } from '../../tests/support.js';

let test: TestWorker;
let upstream: RecordingUpstream;
let connection: string;
const stops: (() => unknown)[] = [];
beforeAll(async () => {
  test = await startTestWorker();
  upstream = await startRecordingUpstream();
  connection = await test.connect({ url: upstream.url });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(async () => {
  await test.stop();
  await upstream.close();
});
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A gateway behind a wire that can be cut. */
async function gateway(instanceId: string) {
  const wire = await startFaultProxy({ port: test.worker.rpcPort });
  stops.push(() => wire.close());
  const late: LateOutcome[] = [];
  const client = await test.dial({
    address: `127.0.0.1:${wire.port}`,
    instanceId,
    onLate: (outcomes) => late.push(...outcomes),
  });
  stops.push(() => client.close());
  return { client, late, wire };
}

describe('when a gateway is lost', () => {
  it('its call goes on, and the outcome waits for it until it is committed', async () => {
    const { client, late, wire } = await gateway('gateway-a');
    const request = test.request(connection, 'slow', { ms: 300 });
    const calling = client.call(request);
    await sleep(100);
    await wire.set('reset');
    expect((await calling).outcome).toBe('unknown');
    await sleep(400);
    await wire.set('pass');
    expect(await client.whenReady(3_000)).toBe(true);
    await expect
      .poll(() => late)
      .toEqual([
        {
          key: request.key,
          callId: request.callId,
          tenantId: test.tenantId,
          outcome: 'ok',
          durationMs: expect.any(Number),
          resultSize: expect.any(Number),
        },
      ]);
    expect(late[0]!.resultSize).toBeGreaterThan(20);
    expect(upstream.calls.filter((call) => call.name === 'slow' && !call.cancelled)).toHaveLength(
      1,
    );
    // Not committed: it comes again.
    await expect.poll(() => late.length, { timeout: 30_000 }).toBe(2);
    client.committed([request.callId]);
    await sleep(200);
    await wire.set('reset');
    await wire.set('pass');
    await client.whenReady(3_000);
    await sleep(300);
    expect(late).toHaveLength(2);
  });

  it.each([
    ['by its size', { kind: 'size' as const, microsPerKiB: 5, baseMicros: 1 }, { costMicros: 11 }],
    [
      'as it reports and it reports nothing',
      { kind: 'reported' as const, key: 'vendor/cost' },
      { costMicros: 100, overMax: true },
    ],
  ])('a call priced %s is charged what came of it', async (_how, meter, charge) => {
    const { client, late, wire } = await gateway('gateway-priced');
    const request = test.request(
      connection,
      'echo',
      { message: 'x'.repeat(1_100) },
      { quote: { reservedMicros: 100, meter } },
    );
    expect((await client.call(request)).outcome).toBe('ok');
    await wire.set('reset');
    await wire.set('pass');
    await expect.poll(() => late).toMatchObject([{ callId: request.callId, charge }]);
    client.committed([request.callId]);
  });

  it('a result that arrived but was not committed is offered to the others by turns, after a moment', async () => {
    const a = await gateway('gateway-b');
    const b = await gateway('gateway-c');
    const request = test.request(connection, 'echo', { message: 'x' });
    expect((await a.client.call(request)).outcome).toBe('ok');
    a.client.close();
    await sleep(1_000);
    expect(b.late).toEqual([]);
    // The client of all tests is a gateway too, and may have its turn first.
    await expect
      .poll(() => b.late.map((one) => one.callId), { timeout: 30_000 })
      .toContain(request.callId);
    b.client.committed([request.callId]);
  }, 40_000);

  it('what was committed is never offered', async () => {
    const a = await gateway('gateway-d');
    const b = await gateway('gateway-e');
    const requests = Array.from({ length: 50 }, () =>
      test.request(connection, 'echo', { message: 'x' }),
    );
    const own = new Set(requests.map((request) => request.callId));
    await Promise.all(requests.map((request) => a.client.call(request)));
    a.client.committed([...own]);
    await sleep(100);
    a.client.close();
    await sleep(3_500);
    expect(b.late.filter((one) => own.has(one.callId))).toEqual([]);
  });
});

describe('one id', () => {
  it('acts once, however often it is asked for', async () => {
    const request = test.request(connection, 'slow', { ms: 150 });
    const before = upstream.calls.length;
    const results = await Promise.all([
      test.client.call(request),
      test.client.call(request),
      test.client.call(request),
    ]);
    expect(results.map((result) => result.outcome)).toEqual(['ok', 'ok', 'ok']);
    expect((await test.client.call(request)).outcome).toBe('unknown');
    expect(upstream.calls.length).toBe(before + 1);
  });
});

describe('a connection', () => {
  it('is read again when the snapshot is newer, and its new secret used', async () => {
    const id = await test.connect({ url: upstream.url, headers: { 'X-Key': 'first' } });
    await test.call(id, 'echo', { message: 'x' });
    expect(upstream.calls.at(-1)!.headers['x-key']).toBe('first');
    const { sealConnectionSecrets } = await import('@conducktor/vault');
    const sealed = await sealConnectionSecrets(test.vault, test.tenantId, id, {
      headers: { 'X-Key': 'second' },
    });
    await test.db.withTenant(test.tenantId, async (tx) => {
      await tx.query(
        'update connection_secret set sealed = $2, updated_at = now() where connection_id = $1',
        [id, sealed],
      );
      await tx.query('update connection set revision = 2 where id = $1', [id]);
    });
    await test.call(id, 'echo', { message: 'x' }, { revision: 2 });
    expect(upstream.calls.at(-1)!.headers['x-key']).toBe('second');
  });

  it('of another tenant is not there', async () => {
    const id = await test.connect({ url: upstream.url });
    const result = await test.call(id, 'echo', { message: 'x' }, { tenantId: 'ten_other' });
    expect(result).toMatchObject({
      outcome: 'unavailable',
      message: 'This connection does not exist any more.',
    });
    expect(await test.client.refresh({ tenantId: 'ten_other', connectionId: id })).toMatchObject({
      status: 'ERROR',
      tools: [],
    });
  });

  it('whose secrets were sealed for another one cannot use them', async () => {
    const [a, b] = [
      await test.connect({ url: upstream.url, headers: { 'X-Key': 'of a' } }),
      await test.connect({ url: upstream.url, headers: { 'X-Key': 'of b' } }),
    ];
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query(
        'update connection_secret set sealed = (select sealed from connection_secret where connection_id = $1) where connection_id = $2',
        [a, b],
      ),
    );
    const before = upstream.calls.length;
    expect(await test.call(b, 'echo', { message: 'x' })).toMatchObject({
      outcome: 'unavailable',
      message: expect.stringContaining('cannot be opened'),
    });
    expect(upstream.calls.length).toBe(before);
  });
});

describe('stopping', () => {
  it('answers what runs, takes nothing new, and ends', async () => {
    const own = await startTestWorker();
    const id = await own.connect({ url: upstream.url });
    await own.call(id, 'echo', { message: 'warm' });
    const running = own.call(id, 'slow', { ms: 400 });
    await sleep(50);
    const stopping = own.worker.stop();
    await sleep(20);
    expect((await own.call(id, 'echo', { message: 'x' })).outcome).toBe('not_sent');
    expect((await running).outcome).toBe('ok');
    await stopping;
  });
});
