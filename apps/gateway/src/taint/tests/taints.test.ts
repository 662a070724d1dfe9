import { createDb, type Db } from '@conducktor/db';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Taints, type Given } from '../taints.js';

const WINDOW_MS = 60_000;

let database: TestDatabase;
let admin: Db;
let here: Db;
let there: Db;
let tenantId: string;
let clients = 0;
/** Another client of the same person each time. */
const given = (): Given => ({
  workspace: { tenantId },
  member: { id: 'mem_1' },
  clientId: `client ${++clients}`,
});

beforeAll(async () => {
  database = await createTestDatabase();
  admin = createDb(database.adminUrl);
  here = createDb(database.urlFor('conducktor_gateway'));
  there = createDb(database.urlFor('conducktor_gateway'));
  ({ tenantId } = await seedWorkspace(admin));
});
afterAll(async () => {
  for (const db of [admin, here, there]) await db?.end();
  await database?.drop();
});

const written = async ({ clientId }: Given) =>
  (
    await admin.pool.query<{ label: string; seen_at: Date }>(
      'select label, seen_at from taint where client_id = $1 order by label',
      [clientId],
    )
  ).rows;
const age = (of: Given, ms: number) =>
  admin.pool.query(
    "update taint set seen_at = clock_timestamp() - $2 * interval '1 ms' where client_id = $1",
    [of.clientId, ms],
  );

it('shows another gateway what a client was given here, and nobody else’s', async () => {
  const [mine, other] = [given(), given()];
  await new Taints(here).note(mine, ['private', 'untrusted']);
  const elsewhere = new Taints(there);
  expect([...(await elsewhere.seen(mine, WINDOW_MS))].toSorted()).toEqual(['private', 'untrusted']);
  expect((await elsewhere.seen(other, WINDOW_MS)).size).toBe(0);
  expect((await elsewhere.seen({ ...mine, member: { id: 'mem_2' } }, WINDOW_MS)).size).toBe(0);
  const stranger = await seedWorkspace(admin);
  expect((await elsewhere.seen({ ...mine, workspace: stranger }, WINDOW_MS)).size).toBe(0);
});

it('writes what is fresh once, also for calls that come together, and again when it is not', async () => {
  const mine = given();
  let now = 0;
  const taints = new Taints(here, () => now);
  await Promise.all(Array.from({ length: 50 }, () => taints.note(mine, ['private'])));
  const [first] = await written(mine);
  now = 1_999;
  await taints.note(mine, ['private']);
  expect(await written(mine)).toEqual([first]);
  now = 2_000;
  await taints.note(mine, ['private']);
  const [again] = await written(mine);
  expect(again!.seen_at.getTime()).toBeGreaterThan(first!.seen_at.getTime());
});

it('never makes the window shorter than it is, though a taint may be written that much later', async () => {
  const mine = given();
  let now = 0;
  const taints = new Taints(here, () => now);
  await taints.note(mine, ['private']);
  // Given once more at the last moment at which that is not written.
  now = 1_999;
  await taints.note(mine, ['private']);
  await age(mine, WINDOW_MS + 1_999 - 500);
  expect((await taints.seen(mine, WINDOW_MS)).has('private')).toBe(true);
  await age(mine, WINDOW_MS + 2_000);
  expect((await taints.seen(mine, WINDOW_MS)).has('private')).toBe(false);
});

it('keeps the later of two moments', async () => {
  const mine = given();
  await new Taints(here).note(mine, ['untrusted']);
  await age(mine, -30_000);
  const [ahead] = await written(mine);
  await new Taints(there).note(mine, ['untrusted']);
  expect(await written(mine)).toEqual([ahead]);
});

it('lets nothing pass as noted or not seen while Postgres is away, and forgets the failure', async () => {
  const mine = given();
  let away = true;
  const taints = new Taints({
    withTenant: (tenant, work) =>
      away ? Promise.reject(new Error('away')) : here.withTenant(tenant, work),
  });
  await expect(taints.note(mine, ['private'])).rejects.toThrow('away');
  await expect(taints.seen(mine, WINDOW_MS)).rejects.toMatchObject({
    code: 'governance_unavailable',
  });
  away = false;
  await taints.note(mine, ['private']);
  expect((await taints.seen(mine, WINDOW_MS)).has('private')).toBe(true);
});
