import { newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import {
  createTestDatabase,
  seedWorkspace,
  startFaultProxy,
  type SeededWorkspace,
  type TestDatabase,
} from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspaces, type Workspaces } from '../workspaces.js';

let database: TestDatabase;
let admin: Db;
let seeded: SeededWorkspace;
const opened: { workspaces: Workspaces; db: Db }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  seeded = await seedWorkspace(admin);
});
afterEach(async () => {
  for (const { workspaces, db } of opened.splice(0)) {
    await workspaces.stop();
    await db.end();
  }
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

async function open(url = database.urlFor('conducktor_gateway')): Promise<Workspaces> {
  const db = createDb(url, { max: 4 });
  const workspaces = await openWorkspaces({ db });
  opened.push({ workspaces, db });
  return workspaces;
}
const addTool = async (tenantId: string) => {
  const connection = newId('con');
  await admin.pool.query(
    `insert into connection (tenant_id, id, slug, kind, url) values ($1, $2, 'docs', 'mcp-http', 'http://127.0.0.1/mcp')`,
    [tenantId, connection],
  );
  await admin.pool.query(
    `insert into tool (tenant_id, id, connection_id, upstream_name, shown_name, definition, definition_hash, proposed_class)
     values ($1, $2, $3, 'find', 'docs_find', '{"name": "find"}', '', 'read')`,
    [tenantId, newId('tol'), connection],
  );
};
const within = async (ms: number, what: () => Promise<boolean>) => {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    if (await what()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
};

describe('workspace snapshots', () => {
  it('are there again soon after a network that lost the database has healed', async () => {
    const url = new URL(database.urlFor('conducktor_gateway'));
    const network = await startFaultProxy({ port: Number(url.port) });
    url.port = String(network.port);
    const workspaces = await open(url.href);
    await workspaces.get(seeded.tenantId);
    await network.set('half-open', { direction: 'both' });
    // Asked on a connection whose bytes are swallowed for good: it ends by itself.
    await expect(workspaces.get(seeded.tenantId)).resolves.toBeDefined();
    expect(await within(3_000, async () => !workspaces.current)).toBe(true);
    await network.set('pass');
    expect(await within(8_000, async () => workspaces.current)).toBe(true);
    expect((await workspaces.get(seeded.tenantId)).tenantId).toBe(seeded.tenantId);
    await network.close();
  });

  it('hold the members, groups and keys of that workspace only', async () => {
    const stranger = await seedWorkspace(admin);
    const workspace = await (await open()).get(seeded.tenantId);
    expect([...workspace.members.keys()].sort()).toEqual(
      [seeded.owner.memberId, seeded.member.memberId, seeded.contractor.memberId].sort(),
    );
    expect(workspace.members.get(seeded.contractor.memberId)?.groups).toEqual(['contractors']);
    expect(workspace.apiKeys.has(stranger.owner.keyId)).toBe(false);
  });

  it('are the same object until something changes, and follow a revoked key within a second', async () => {
    const workspaces = await open();
    const first = await workspaces.get(seeded.tenantId);
    expect(await workspaces.get(seeded.tenantId)).toBe(first);
    await admin.pool.query('update api_key set revoked_at = now() where id = $1', [
      seeded.member.keyId,
    ]);
    expect(
      await within(
        1_000,
        async () => !(await workspaces.get(seeded.tenantId)).apiKeys.has(seeded.member.keyId),
      ),
    ).toBe(true);
  });

  it('are forgotten, those used longest ago first, when they have too many tools in all', async () => {
    const db = createDb(database.urlFor('conducktor_gateway'), { max: 4 });
    const workspaces = await openWorkspaces({ db, maxTools: 2 });
    opened.push({ workspaces, db });
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { tenantId } = await seedWorkspace(admin);
      await addTool(tenantId);
      ids.push(tenantId);
    }
    for (const each of [ids[0]!, ids[1]!, ids[0]!, ids[2]!]) await workspaces.get(each);
    expect(ids.map((each) => workspaces.peek(each) !== undefined)).toEqual([true, false, true]);
  });

  it('see a change whose transaction began before others and committed after them', async () => {
    const workspaces = await open();
    const other = await seedWorkspace(admin);
    await workspaces.get(seeded.tenantId);
    const client = await admin.pool.connect();
    await client.query('begin');
    await client.query("update tenant set name = 'late' where id = $1", [seeded.tenantId]);
    // Later transactions commit and are polled while the first is still open.
    for (let i = 0; i < 4; i++) {
      await admin.pool.query('update tenant set name = $2 where id = $1', [
        other.tenantId,
        `x${i}`,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await client.query('commit');
    client.release();
    expect(
      await within(1_000, async () => (await workspaces.get(seeded.tenantId)).name === 'late'),
    ).toBe(true);
  });

  it('are not what a load read that had begun before the change was heard of', async () => {
    const db = createDb(database.urlFor('conducktor_gateway'), { max: 4 });
    const { withTenant } = db;
    let hold = Promise.resolve();
    // The rows of before, handed over late.
    db.withTenant = async (tenantId, work) => {
      const read = await withTenant(tenantId, work);
      await hold;
      return read;
    };
    const workspaces = await openWorkspaces({ db });
    opened.push({ workspaces, db });
    const { promise, resolve } = Promise.withResolvers<void>();
    hold = promise;
    const before = workspaces.get(seeded.tenantId);
    // Read by now: nothing of the pool is at work.
    await new Promise((done) => setTimeout(done, 200));
    const heard = new Promise<void>((done) => {
      const stop = workspaces.onChange(seeded.tenantId, () => (stop(), done()));
    });
    const name = `changed ${Date.now()}`;
    await admin.pool.query('update tenant set name = $2 where id = $1', [seeded.tenantId, name]);
    await heard;
    const after = workspaces.get(seeded.tenantId);
    resolve();
    expect((await before).name).not.toBe(name);
    expect((await after).name).toBe(name);
  });

  it('answer "not now" when the database cannot say whether they are current', async () => {
    const workspaces = await open();
    await workspaces.get(seeded.tenantId);
    // Ends once its last client is given back, which is when the snapshots stop listening.
    const { db } = opened.pop()!;
    const ended = db.end();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await expect(workspaces.get(seeded.tenantId)).rejects.toMatchObject({
      code: 'governance_unavailable',
    });
    await workspaces.stop();
    await ended;
  });

  it('refuse a workspace that does not exist', async () => {
    await expect((await open()).get('ten_nobody')).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});
