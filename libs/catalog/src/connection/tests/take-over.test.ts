import { newId, type RefreshResult, type UpstreamServer } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { normaliseServer } from '../normalise-server.js';
import { readTools } from '../read-tools.js';
import { readRefresh, takeOver } from '../take-over.js';

let database: TestDatabase;
let admin: Db;
let db: Db;
let tenantId: string;
let connectionId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl, { max: 2 });
  db = createDb(database.urlFor('conducktor_app'), { max: 4 });
});
beforeEach(async () => {
  ({ tenantId } = await seedWorkspace(admin));
  connectionId = newId('con');
  await admin.withTenant(tenantId, (tx) =>
    tx.query(
      "insert into connection (tenant_id, id, slug, kind, url) values ($1, $2, 'crm', 'mcp-sse', 'https://crm.example/sse')",
      [tenantId, connectionId],
    ),
  );
});
afterAll(async () => {
  await db.end();
  await admin.end();
  await database.drop();
});

const server: UpstreamServer = {
  protocolVersion: '2024-11-05',
  capabilities: { tools: { listChanged: true } },
  serverInfo: { name: 'crm', version: '1' },
};
const listed = (name: string, rest: object = {}) => ({
  name,
  inputSchema: { type: 'object' },
  ...rest,
});
const event = { action: 'connection.refresh', actor: 'connector-worker' };
const take = async (
  result: Partial<RefreshResult>,
  { id = connectionId, attended = false } = {},
) => {
  const read = await readRefresh({ status: 'ACTIVE', tools: [], ms: 1, ...result });
  return db.withTenant(tenantId, (tx) => takeOver(tx, id, read, event, { attended }));
};
const one = async <Row>(sql: string): Promise<Row> =>
  (await admin.withTenant(tenantId, (tx) => tx.query(sql, [tenantId]))).rows[0] as Row;
const version = async () =>
  Number(
    (await one<{ version: string }>('select version from tenant_version where tenant_id = $1'))
      .version,
  );
const records = async () =>
  (
    await admin.withTenant(tenantId, (tx) =>
      tx.query<{ record: Record<string, unknown> }>(
        'select record from audit_outbox where tenant_id = $1 order by id',
        [tenantId],
      ),
    )
  ).rows.map(({ record }) => record);

describe('what a service lists', () => {
  it('is taken over with what its server says of itself, once', async () => {
    expect(await take({ tools: [listed('find')], server })).toMatchObject({ changed: true });
    expect(await one('select server, status from connection where tenant_id = $1')).toEqual({
      server,
      status: 'ACTIVE',
    });
    expect(await records()).toEqual([
      {
        ...event,
        connection: 'crm',
        connectionId,
        status: 'ACTIVE',
        added: ['crm_find'],
        changed: [],
        removed: [],
        server: true,
      },
    ]);

    const before = await version();
    expect(await take({ tools: [listed('find')], server })).toMatchObject({ changed: false });
    expect(await version()).toBe(before);
    expect(await records()).toHaveLength(1);
  });

  it('makes snapshots old when the server can do something else now', async () => {
    await take({ server });
    const before = await version();
    const more = { ...server, capabilities: { ...server.capabilities, prompts: {} } };
    expect(await take({ server: more })).toMatchObject({ changed: true });
    expect(await version()).toBeGreaterThan(before);
  });

  it('gets no milder class by its own word, unless somebody looks on', async () => {
    const tool = (annotations: object) => ({ tools: [listed('drop', { annotations })] });
    const proposed = async () =>
      (
        await one<{ proposed_class: string }>(
          'select proposed_class from tool where tenant_id = $1',
        )
      ).proposed_class;
    const harmless = { readOnlyHint: true };
    await take(tool({ destructiveHint: false }));
    expect(await proposed()).toBe('write');
    await take(tool(harmless));
    expect(await proposed()).toBe('write');
    await take({ tools: [] });
    await take(tool(harmless));
    expect(await proposed()).toBe('write');
    await take(tool(harmless), { attended: true });
    expect(await proposed()).toBe('read');
    await take(tool({ destructiveHint: true }));
    expect(await proposed()).toBe('destructive');
  });

  it('is taken over by several at once, one after the other', async () => {
    const tools = Array.from({ length: 50 }, (_, i) => listed(`tool${i}`));
    const results = await Promise.all(Array.from({ length: 4 }, () => take({ tools, server })));
    expect(results.filter((taken) => taken!.changed)).toHaveLength(1);
  });

  it('of a connection that was removed meanwhile leaves nothing behind', async () => {
    expect(await take({ tools: [listed('a')] }, { id: newId('con') })).toBeUndefined();
    expect(await records()).toEqual([]);
  });

  it('is stored although a server says things that a database cannot hold', async () => {
    const reason = `refused: \u0000${'x'.repeat(488)}\u{1f44b}`;
    expect(await take({ status: 'ERROR', reason })).toMatchObject({ status: 'ERROR' });
    expect(
      await take({
        tools: [listed('a', { description: 'nul \u0000 and half a pair \ud800' })],
        server: { ...server, instructions: `\u0000${'\u{1f44b}'.repeat(20_000)}` },
      }),
    ).toMatchObject({ status: 'ACTIVE' });
  });

  it('lets others run while a long list is read', async () => {
    const tools = Array.from({ length: 200 }, (_, i) =>
      listed(`tool${i}`, {
        inputSchema: {
          type: 'object',
          properties: { [`field${i}`]: { type: 'string', pattern: `^a{1,${i + 1}}$` } },
        },
      }),
    );
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const first = performance.now();
    expect((await readTools(tools)).tools).toHaveLength(200);
    const second = performance.now();
    expect(turns).toBeGreaterThan(3);
    await readTools(tools);
    clearInterval(timer);
    // What was listed before is not compiled again.
    expect(performance.now() - second).toBeLessThan((second - first) / 2);
  });
});

describe('what a server says of itself', () => {
  it('is kept with fields that are not known here, without what nobody sees', () => {
    expect(normaliseServer({ ...server, serverInfo: { name: 'c\u200brm', 'x-new': [1] } })).toEqual(
      { ...server, serverInfo: { name: 'crm', 'x-new': [1] } },
    );
  });

  it('is cut down to what it offers when it is too large or too deep', () => {
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 60; i++) deep = { deep };
    for (const extra of [deep, { icon: 'x'.repeat(100_000) }]) {
      expect(
        normaliseServer({
          ...server,
          capabilities: { resources: { subscribe: true, listChanged: true, ...extra } },
          serverInfo: { name: 'crm', version: '1', ...extra },
        }),
      ).toEqual({
        protocolVersion: '2024-11-05',
        capabilities: { resources: { subscribe: true, listChanged: true } },
        serverInfo: { name: 'crm', version: '1' },
      });
    }
  });
});
