import { setTimeout as sleep } from 'node:timers/promises';
import { serverHash } from '@conducktor/catalog';
import type { RefreshResult, UpstreamServer } from '@conducktor/contracts';
import { createLogger } from '@conducktor/runtime';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoadedConnection } from '../../connector.js';
import { startSdkSseServer, type SdkSseServer } from '../../sse/tests/sdk-sse-server.js';
import { startTestWorker, type TestWorker } from '../../tests/support.js';
import { CatalogueRefresh } from '../catalogue-refresh.js';

let test: TestWorker;
let id: string;
let refresh: CatalogueRefresh;
/** When it listed, and what it was told. */
let listings: { at: number; connectionId: string }[];
let answer: (connectionId: string) => RefreshResult | Promise<RefreshResult>;
const timing = { settleMs: 20, quickMs: 30, gapMs: 100, mostGapMs: 400 };
const listed = (...names: string[]): RefreshResult => ({
  status: 'ACTIVE',
  tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })),
  ms: 1,
});

beforeAll(async () => {
  test = await startTestWorker();
});
beforeEach(async () => {
  id = await test.connect({ url: 'http://127.0.0.1:1/mcp' });
  listings = [];
  refresh = new CatalogueRefresh({
    db: test.db,
    logger: createLogger('test', 'silent'),
    list: async ({ connectionId }) => {
      listings.push({ at: performance.now(), connectionId });
      return answer(connectionId);
    },
    timing,
  });
});
afterEach(() => refresh.close());
afterAll(() => test.stop());

const catalogue = async (connectionId = id) =>
  (
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query<{ name: string }>(
        'select upstream_name as name from tool where tenant_id = $1 and connection_id = $2 and removed_at is null order by 1',
        [tx.tenantId, connectionId],
      ),
    )
  ).rows.map(({ name }) => name);
const records = async (connectionId = id) =>
  (
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query<{ record: Record<string, unknown> }>(
        "select record from audit_outbox where tenant_id = $1 and record ->> 'connectionId' = $2 order by id",
        [tx.tenantId, connectionId],
      ),
    )
  ).rows.map(({ record }) => record);

it('stores what a server lists after it said so, for an admin to accept, and records it as its own doing', async () => {
  answer = () => listed('find', 'drop');
  refresh.changed(test.tenantId, id);
  await expect.poll(() => catalogue(), { timeout: 30_000 }).toEqual(['drop', 'find']);
  expect(await records()).toEqual([
    expect.objectContaining({
      action: 'connection.refresh',
      actor: 'connector-worker',
      // Nobody has agreed to a tool that was not there when a person tested the connection.
      added: [],
      quarantined: expect.arrayContaining([{ tool: expect.stringMatching(/_find$/), fields: [] }]),
    }),
  ]);
});

it('lists a few times quickly, then once in a while however often it is told, and the last word counts', async () => {
  let tools = 1;
  answer = () => listed(...Array.from({ length: tools }, (_, i) => `tool${i}`));
  const started = performance.now();
  while (listings.length < 8 && performance.now() - started < 5_000) {
    for (let i = 0; i < 1_000; i++) refresh.changed(test.tenantId, id);
    tools++;
    await sleep(5);
  }
  const last = tools;
  await expect.poll(async () => (await catalogue()).length).toBe(last);
  const gaps = listings.slice(1).map(({ at }, i) => at - listings[i]!.at);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(timing.quickMs);
  expect(Math.min(...gaps.slice(5))).toBeGreaterThanOrEqual(timing.gapMs);
});

it('forgets in a while that it listed a few times quickly', async () => {
  const gapMs = 400;
  const patient = new CatalogueRefresh({
    db: test.db,
    logger: createLogger('test', 'silent'),
    list: async () => {
      runs++;
      return listed(`tool${runs}`);
    },
    timing: { ...timing, gapMs },
  });
  let runs = 0;
  /** How long it takes until a change is listed, in milliseconds. */
  const changeOnce = async () => {
    const [before, asked] = [runs, performance.now()];
    patient.changed(test.tenantId, id);
    await expect.poll(() => runs, { interval: 5 }).toBe(before + 1);
    return performance.now() - asked;
  };
  for (let i = 0; i < 6; i++) await changeOnce();
  expect(await changeOnce()).toBeGreaterThanOrEqual(gapMs / 2);
  await sleep(gapMs * 2.5);
  await changeOnce();
  expect(await changeOnce()).toBeLessThan(gapMs);
  await patient.close();
});

it('waits longer and longer for a server that says "changed" and lists the same', async () => {
  answer = () => listed('find');
  const told = setInterval(() => refresh.changed(test.tenantId, id), 5);
  await expect.poll(() => listings.length, { timeout: 30_000 }).toBe(4);
  clearInterval(told);
  const gaps = listings.slice(1).map(({ at }, i) => at - listings[i]!.at);
  expect(gaps[1]).toBeGreaterThanOrEqual(timing.gapMs * 2);
  expect(gaps[2]).toBeGreaterThanOrEqual(timing.gapMs * 4);
  expect(await records()).toHaveLength(1);
});

it('asks again when the list could not be had, and keeps the tools meanwhile', async () => {
  answer = () => listed('find');
  refresh.changed(test.tenantId, id);
  await expect.poll(() => catalogue()).toEqual(['find']);
  let tries = 0;
  answer = () =>
    ++tries < 2 ? { status: 'ERROR', reason: 'Down.', tools: [], ms: 1 } : listed('find', 'new');
  refresh.changed(test.tenantId, id);
  await expect.poll(() => tries).toBe(1);
  expect(await catalogue()).toEqual(['find']);
  await expect.poll(() => catalogue()).toEqual(['find', 'new']);
});

it('asks a frozen connection nothing, and takes over what changed once the freeze is lifted', async () => {
  answer = () => listed('find');
  const frozen = (sql: string) =>
    test.db.withTenant(test.tenantId, (tx) => tx.query(sql, [tx.tenantId, id]));
  await frozen(
    "insert into frozen (tenant_id, kind, subject_id, reason, created_by) values ($1, 'connection', $2, 'leak', 'test')",
  );
  refresh.changed(test.tenantId, id);
  await sleep(timing.settleMs + timing.gapMs);
  expect(listings).toEqual([]);
  await frozen('delete from frozen where tenant_id = $1 and subject_id = $2');
  await expect.poll(() => catalogue()).toEqual(['find']);
});

it('lets one slow server not hold up the others', async () => {
  const others = await Promise.all(
    Array.from({ length: 3 }, () => test.connect({ url: 'http://127.0.0.1:1/mcp' })),
  );
  let release!: (result: RefreshResult) => void;
  const slow = new Promise<RefreshResult>((resolve) => (release = resolve));
  answer = (connectionId) => (connectionId === id ? slow : listed('find'));
  refresh.changed(test.tenantId, id);
  for (const other of others) refresh.changed(test.tenantId, other);
  for (const other of others) await expect.poll(() => catalogue(other)).toEqual(['find']);
  expect(await catalogue()).toEqual([]);
  release(listed('late'));
  await expect.poll(() => catalogue()).toEqual(['late']);
});

it('lists again when a server says something else of itself than what is stored, once', async () => {
  const server: UpstreamServer = { protocolVersion: '2025-11-25', capabilities: { tools: {} } };
  const connection = { tenantId: test.tenantId, id } as LoadedConnection;
  answer = () => ({ ...listed('find'), server: { ...server, instructions: 'New.' } });

  refresh.said({ ...connection, serverHash: undefined }, server);
  refresh.said({ ...connection, serverHash: serverHash(server) }, server);
  for (let i = 0; i < 3; i++)
    refresh.said(
      { ...connection, serverHash: serverHash(server) },
      { ...server, instructions: 'New.' },
    );
  await expect.poll(() => catalogue()).toEqual(['find']);
  await sleep(timing.gapMs * 3);
  expect(listings).toHaveLength(1);
});

describe('a real server behind the worker', () => {
  let server: SdkSseServer;
  let connection: string;
  beforeEach(async () => {
    server = await startSdkSseServer();
    connection = await test.connect({ kind: 'mcp-sse', url: server.url });
  });
  afterEach(() => server.close());
  const stored = async () =>
    (
      await test.db.withTenant(test.tenantId, (tx) =>
        tx.query<{ server: UpstreamServer }>('select server from connection where id = $1', [
          connection,
        ]),
      )
    ).rows[0]!.server;

  it('is listed when it says that its tools have changed', async () => {
    const result = await test.call(connection, 'echo', { message: 'hello' });
    expect(result.outcome).toBe('ok');
    expect(await catalogue(connection)).toEqual([]);
    await server.each((each) => each.sendToolListChanged());
    await expect.poll(() => catalogue(connection), { timeout: 30_000 }).toContain('echo');
    expect(await stored()).toMatchObject({
      protocolVersion: '2025-11-25',
      serverInfo: { name: 'sse-fixture' },
    });
  });

  it('is listed when it is another than it was', async () => {
    await test.db.withTenant(test.tenantId, (tx) =>
      tx.query("update connection set status = 'ACTIVE', server = $2 where id = $1", [
        connection,
        { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'before' } },
      ]),
    );
    await test.call(connection, 'echo', { message: 'hello' });
    await expect.poll(() => catalogue(connection), { timeout: 30_000 }).toContain('echo');
    expect(await stored()).toMatchObject({ serverInfo: { name: 'sse-fixture' } });
  });
});
