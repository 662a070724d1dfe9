/** A journal on a database of its own, and what tests ask of both. */
import { newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Journal } from '../journal.js';
import type { Admission, Intent } from '../types.js';

export let database: TestDatabase;
export let admin: Db;
export let tenantId: string;
export let version: number;
export const journals: Journal[] = [];
export const committed = new Set<string>();

/** For the top of a test file: the database, and the end of every journal that was opened. */
export function prepareJournals(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
    admin = createDb(database.adminUrl);
    tenantId = (await seedWorkspace(admin)).tenantId;
    version = await currentVersion();
  });
  afterEach(async () => {
    for (const journal of journals.splice(0)) await journal.stop();
  });
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });
}

async function currentVersion(): Promise<number> {
  const { rows } = await admin.pool.query(
    'select version from tenant_version where tenant_id = $1',
    [tenantId],
  );
  return Number(rows[0].version);
}

export async function openJournal(
  gateway = 'gateway-test',
  more: { epochCalls?: number; databaseUrl?: string } = {},
): Promise<Journal> {
  const journal = new Journal({
    databaseUrl: database.urlFor('conducktor_gateway'),
    gateway,
    logger: createLogger('test', 'silent'),
    onCommitted: (ids) => ids.forEach((id) => committed.add(id)),
    ...more,
  });
  journals.push(journal);
  await journal.start();
  return journal;
}

export const intent = (more: Partial<Intent> = {}): Intent => ({
  tenantId,
  version,
  callId: newId('call'),
  admitted: true,
  reservedMicros: 0,
  deadlineMs: Date.now() + 1_000,
  record: JSON.stringify({
    at: new Date().toISOString(),
    tool: 'a "quoted" \\ tool',
    decision: 'allow',
  }),
  ...more,
});
export const outcome = (i: Intent, admission: Admission) => ({
  key: (admission as Extract<Admission, { verdict: 'admitted' }>).key,
  tenantId,
  callId: i.callId,
  costMicros: 0,
  record: JSON.stringify({ at: new Date().toISOString(), outcome: 'ok', durationMs: 1 }),
});
export const count = async (sql: string, values: unknown[] = []) =>
  Number((await admin.pool.query(sql, values)).rows[0].n);
export const killSession = () =>
  admin.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'conducktor journal%' and datname = current_database()",
  );
export const until = async (what: () => Promise<boolean> | boolean) => {
  for (let i = 0; i < 200; i++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come to pass within 10 s.');
};
