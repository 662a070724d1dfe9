import { startFaultProxy } from '@conducktor/testing';
import { describe, expect, it } from 'vitest';
import type { Admission } from '../types.js';
import {
  admin,
  count,
  database,
  intent,
  journals,
  killSession,
  openJournal,
  outcome,
  until,
  prepareJournals,
} from './support.js';

prepareJournals();

describe('the journal, when its database or a gateway fails,', () => {
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

  it('makes a call with the idempotency key of one that was refused in doubt', async () => {
    const url = new URL(database.urlFor('conducktor_gateway'));
    const proxy = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    const journal = await openJournal('in-doubt', { databaseUrl: url.href });
    try {
      const idempotency = { hash: 'd'.repeat(64), argumentsHash: 'a'.repeat(64) };
      const i = intent({ idempotency });
      await proxy.set('cut', { cutAfter: 1 });
      await expect(journal.admit(i)).rejects.toMatchObject({ code: 'governance_unavailable' });
      await proxy.set('pass');
      await until(() => journal.ready);
      // It did commit, and was never sent.
      await until(
        async () =>
          (await count(
            "select count(*) n from outcome where call_id = $1 and record like '%not_sent%'",
            [i.callId],
          )) === 1,
      );
      expect((await journal.admit(intent({ idempotency }))).verdict).toBe('admitted');
      expect((await journal.admit(intent({ idempotency }))).verdict).toBe('attached');
    } finally {
      await journal.stop();
      journals.splice(journals.indexOf(journal), 1);
      await proxy.close();
    }
  });

  it('closes its epoch soon, also when the connection that closes epochs fell silent', async () => {
    const url = new URL(database.urlFor('conducktor_gateway'));
    const network = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(network.port);
    const journal = await openJournal('silent', { databaseUrl: url.href });
    try {
      const i = intent({});
      const admission = await journal.admit(i);
      if (admission.verdict !== 'admitted') throw new Error('The call was not admitted.');
      // Longer than the time between two looks at the epochs, on a connection that says nothing else.
      await network.set('half-open', { direction: 'both' });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await network.set('pass');
      await admin.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'conducktor journal silent'",
      );
      const epochs = "select count(*) n from epoch where gateway = 'silent'";
      await until(async () => journal.ready && (await count(epochs)) === 2);
      const settled = journal.settle({
        key: admission.key,
        tenantId: i.tenantId,
        callId: i.callId,
        costMicros: 0,
        record: '{"outcome":"ok"}',
      });
      const late = new Promise((resolve) => setTimeout(() => resolve('late'), 10_000));
      expect(await Promise.race([settled, late])).toBeUndefined();
    } finally {
      await journal.stop();
      journals.splice(journals.indexOf(journal), 1);
      await network.close();
    }
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
});
