import { newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { createLogger } from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type TestDatabase } from '@conducktor/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../journal.js';
import type { Admission, Intent } from '../types.js';

let database: TestDatabase;
let admin: Db;
let tenantId: string;
let version: number;
const journals: Journal[] = [];
const committed = new Set<string>();

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

async function currentVersion(): Promise<number> {
  const { rows } = await admin.pool.query(
    'select version from tenant_version where tenant_id = $1',
    [tenantId],
  );
  return Number(rows[0].version);
}

async function openJournal(
  gateway = 'gateway-test',
  more: { epochCalls?: number } = {},
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

const intent = (more: Partial<Intent> = {}): Intent => ({
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
const outcome = (i: Intent, admission: Admission) => ({
  key: (admission as Extract<Admission, { verdict: 'admitted' }>).key,
  tenantId,
  callId: i.callId,
  costMicros: 0,
  record: JSON.stringify({ at: new Date().toISOString(), outcome: 'ok', durationMs: 1 }),
});
const count = async (sql: string, values: unknown[] = []) =>
  Number((await admin.pool.query(sql, values)).rows[0].n);
const killSession = () =>
  admin.pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'conducktor journal%' and datname = current_database()",
  );
const until = async (what: () => Promise<boolean> | boolean) => {
  for (let i = 0; i < 200; i++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come to pass within 10 s.');
};

describe('the journal', () => {
  it('has an intent in the database before admit resolves, and its outcome when settle does', async () => {
    const journal = await openJournal();
    const i = intent();
    const admission = await journal.admit(i);
    expect(admission.verdict).toBe('admitted');
    expect(await count('select count(*) n from call where call_id = $1', [i.callId])).toBe(1);
    await journal.settle(outcome(i, admission));
    // A worker that did not hear of the commit brings it again.
    await journal.settle(outcome(i, admission));
    expect(await count('select count(*) n from outcome where call_id = $1', [i.callId])).toBe(1);
    expect(committed.has(i.callId)).toBe(true);
  });

  it('refuses what another version of the workspace decided, and writes nothing', async () => {
    const journal = await openJournal();
    const stale = intent({ version: version - 1 });
    const [one, other] = await Promise.all([journal.admit(stale), journal.admit(intent())]);
    expect([one.verdict, other.verdict]).toEqual(['stale', 'admitted']);
    expect(await count('select count(*) n from call where call_id = $1', [stale.callId])).toBe(0);
  });

  it('lets an idempotency key act once, whoever asks how often', async () => {
    const [a, b] = [await openJournal('one'), await openJournal('two')];
    const idempotency = { hash: 'k'.repeat(64), argumentsHash: 'a'.repeat(64) };
    const admissions = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (n % 2 ? a : b).admit(intent({ idempotency }))),
    );
    expect(admissions.filter((admission) => admission.verdict === 'admitted')).toHaveLength(1);
    expect(admissions.filter((admission) => admission.verdict === 'attached')).toHaveLength(99);
    const other = await a.admit(
      intent({ idempotency: { ...idempotency, argumentsHash: 'b'.repeat(64) } }),
    );
    expect(other.verdict).toBe('conflict');
  });

  it('opens a new epoch after losing its session, and settles late what ran meanwhile, once', async () => {
    const journal = await openJournal();
    const i = intent();
    const admission = await journal.admit(i);
    await killSession();
    await until(() => journal.ready);
    await Promise.all([
      journal.settle(outcome(i, admission)),
      journal.settle(outcome(i, admission)),
    ]);
    expect(await count('select count(*) n from outcome where call_id = $1', [i.callId])).toBe(1);
    expect(await count('select count(*) n from open_call where call_id = $1', [i.callId])).toBe(0);
  });

  it('refuses while the database is away and forgets no outcome', async () => {
    const seed = Date.now();
    console.log(`seed ${seed}`);
    let state = seed;
    const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const journal = await openJournal();
    const acknowledged: string[] = [];
    const attempted: string[] = [];
    const settling: Promise<void>[] = [];
    let refused = 0;
    let stop = false;
    const caller = async () => {
      while (!stop) {
        const i = intent();
        attempted.push(i.callId);
        try {
          const admission = await journal.admit(i);
          acknowledged.push(i.callId);
          if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 20));
          settling.push(journal.settle(outcome(i, admission)));
        } catch {
          refused++;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    const callers = Array.from({ length: 16 }, caller);
    for (let kill = 0; kill < 6; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 200));
      await killSession();
    }
    await until(() => journal.ready);
    stop = true;
    await Promise.all(callers);
    await Promise.all(settling);
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(0);
    const ids = [acknowledged];
    expect(await count('select count(*) n from call where call_id = any($1)', ids)).toBe(
      acknowledged.length,
    );
    expect(await count('select count(*) n from outcome where call_id = any($1)', ids)).toBe(
      acknowledged.length,
    );
    // Intents in doubt that did commit were never sent: they end as such, and nothing stays open.
    const unsettled = () =>
      count(
        `select count(*) n from call c where call_id = any($1)
            and not exists (select from outcome o where o.call_id = c.call_id)`,
        [attempted],
      );
    await until(async () => (await unsettled()) === 0);
  });

  it('ends the calls of a gateway that died as unknown once nobody can bring their outcome', async () => {
    const dead = await openJournal('dead');
    const i = intent({ deadlineMs: Date.now() - 60_000 });
    await dead.admit(i);
    await dead.stop();
    await openJournal('alive');
    await until(
      async () =>
        (await count(
          "select count(*) n from outcome where call_id = $1 and record like '%unknown%'",
          [i.callId],
        )) === 1,
    );
  });

  it('confirms a second outcome of a call no sooner than the first is durable', async () => {
    const journal = await openJournal();
    const i = intent();
    const admission = await journal.admit(i);
    const client = await admin.pool.connect();
    try {
      await client.query('begin');
      await client.query('lock table outcome in share mode');
      const first = journal.settle(outcome(i, admission));
      // The worker's connection was lost meanwhile, and it brings the outcome again.
      const second = journal.settle(outcome(i, admission));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(committed.has(i.callId)).toBe(false);
      await client.query('commit');
      await Promise.all([first, second]);
      expect(committed.has(i.callId)).toBe(true);
    } finally {
      client.release(true);
    }
  });

  it('settles the right call when its tick was rolled back and its session then lost', async () => {
    const journal = await openJournal();
    const i = intent();
    const admission = await journal.admit(i);
    await admin.pool.query('revoke insert on outcome from conducktor_system');
    const settled = journal.settle(outcome(i, admission));
    await new Promise((resolve) => setTimeout(resolve, 60));
    await killSession();
    await admin.pool.query('grant insert on outcome to conducktor_system');
    await until(() => journal.ready);
    await settled;
    const { rows } = await admin.pool.query(
      'select call_epoch, call_tick::int, call_ordinal from outcome where call_id = $1',
      [i.callId],
    );
    const { key } = admission as Extract<Admission, { verdict: 'admitted' }>;
    expect(rows).toEqual([
      { call_epoch: key.epoch, call_tick: key.tick, call_ordinal: key.ordinal },
    ]);
  });

  it('goes on admitting while an epoch is being closed, however long that takes', async () => {
    const dead = await openJournal('dead');
    await dead.admit(intent());
    const client = await admin.pool.connect();
    try {
      await client.query('begin');
      await client.query('lock table open_call in access exclusive mode');
      await dead.stop();
      const journal = await openJournal('alive');
      await until(
        async () =>
          (await count(
            "select count(*) n from pg_stat_activity where query like '%close_epoch%' and wait_event_type = 'Lock' and datname = current_database()",
          )) > 0,
      );
      const startedAt = performance.now();
      expect((await journal.admit(intent())).verdict).toBe('admitted');
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      await client.query('commit');
    } finally {
      client.release(true);
    }
  });

  it('begins a new epoch after so many calls, and every call keeps its one outcome', async () => {
    const journal = await openJournal('rotating', { epochCalls: 60 });
    const ids: string[] = [];
    const settling: Promise<void>[] = [];
    const epochs = new Set<number>();
    const caller = async () => {
      for (let n = 0; n < 40; n++) {
        const i = intent({ deadlineMs: Date.now() + 60_000 });
        const admission = await journal.admit(i);
        ids.push(i.callId);
        epochs.add((admission as Extract<Admission, { verdict: 'admitted' }>).key.epoch);
        await new Promise((resolve) => setTimeout(resolve, 5));
        settling.push(journal.settle(outcome(i, admission)));
      }
    };
    await Promise.all(Array.from({ length: 10 }, caller));
    await Promise.all(settling);
    expect(epochs.size).toBeGreaterThan(1);
    expect(await count('select count(*) n from outcome where call_id = any($1)', [ids])).toBe(400);
    expect(
      await count('select count(distinct call_id) n from outcome where call_id = any($1)', [ids]),
    ).toBe(400);
    await until(
      async () =>
        (await count('select count(*) n from epoch where id = any($1) and closed_at is not null', [
          [...epochs],
        ])) >=
        epochs.size - 1,
    );
  });

  it('leaves no connection behind when an epoch cannot be opened', async () => {
    await admin.pool.query('revoke insert on epoch from conducktor_system');
    const starting = openJournal('unlucky');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const left = await count(
      "select count(*) n from pg_stat_activity where application_name = 'conducktor journal unlucky'",
    );
    await admin.pool.query('grant insert on epoch to conducktor_system');
    await starting;
    expect(left).toBeLessThanOrEqual(1);
  });

  it('is sealed in commit order, gapless per workspace', async () => {
    await admin.pool.query('select seal(100000)');
    const events = await count('select count(*) n from audit_event where tenant_id = $1', [
      tenantId,
    ]);
    expect(events).toBeGreaterThan(200);
    expect(await count('select max(seq) n from audit_event where tenant_id = $1', [tenantId])).toBe(
      events,
    );
    expect(
      await count(
        `select count(*) n from audit_event o where kind = 'outcome' and not exists (
           select from audit_event c where c.call_id = o.call_id and c.kind = 'call' and c.seq < o.seq)`,
      ),
    ).toBe(0);
  });
});
