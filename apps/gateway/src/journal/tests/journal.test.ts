import { describe, expect, it } from 'vitest';
import type { Admission } from '../types.js';
import {
  admin,
  committed,
  count,
  intent,
  openJournal,
  outcome,
  tenantId,
  until,
  version,
  prepareJournals,
} from './support.js';

prepareJournals();

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

  it('writes the same rows whichever function carries them', async () => {
    const journal = await openJournal();
    const [alone, one, other] = [
      intent({ reservedMicros: 5 }),
      intent({
        reservedMicros: 2 ** 40,
        record: '{"at":"2026-11-21T00:00:00.000Z","tool":"né\\\"\\\\ 工具"}',
      }),
      intent({ admitted: false, deadlineMs: null }),
    ];
    const keyed = intent({ idempotency: { hash: 'w'.repeat(64), argumentsHash: 'a'.repeat(64) } });
    await journal.admit(alone);
    await Promise.all([journal.admit(one), journal.admit(other)]);
    await journal.admit(keyed);
    for (const i of [alone, one, other, keyed]) {
      const { rows } = await admin.pool.query(
        `select tenant_id, admitted, reserved_micros::float8 reserved, extract(epoch from deadline)::float8 * 1000 deadline, record
           from call where call_id = $1`,
        [i.callId],
      );
      expect(rows).toEqual([
        {
          tenant_id: tenantId,
          admitted: i.admitted,
          reserved: i.reservedMicros,
          deadline: i.deadlineMs,
          record: i.record,
        },
      ]);
    }
    await expect(journal.admit(intent({ reservedMicros: -1 }))).rejects.toThrow();
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
