import { createDb } from '@conducktor/db';
import { newId } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAlerts, type AlertHarness } from './harness.js';

let alerts: AlertHarness;
let tenantId: string;
let connection: string;
beforeAll(async () => {
  alerts = await startAlerts();
});
afterAll(() => alerts.stop());
beforeEach(async () => {
  ({ tenantId } = await alerts.seed());
  connection = newId('con');
  await run(
    `insert into connection (tenant_id, id, slug, kind, url, status) values ($1, $2, 'crm', 'mcp-http', 'https://crm.example', 'ACTIVE')`,
    [tenantId, connection],
  );
});

const run = (sql: string, values: unknown[]) => alerts.admin.pool.query(sql, values);
/** As control writes what a worker found. */
async function becomes(status: string, reason: string | null = null): Promise<void> {
  const app = createDb(alerts.urlFor('conducktor_app'), { max: 1 });
  await app.withTenant(tenantId, (tx) =>
    tx.query(
      'update connection set status = $3, status_reason = $4 where tenant_id = $1 and id = $2',
      [tenantId, connection, status, reason],
    ),
  );
  await app.end();
}
const statusIsOlder = (by: string) =>
  run(
    'update connection set status_since = status_since - $3::interval where tenant_id = $1 and id = $2',
    [tenantId, connection, by],
  );
const seenLongAgo = () =>
  run(`update alert set seen_at = seen_at - interval '16 minutes' where tenant_id = $1`, [
    tenantId,
  ]);
const look = () => alerts.watch.check('connections');
const kinds = async () =>
  (await alerts.alerts(tenantId)).map(({ kind, messages, ended }) => {
    expect(messages).toBe(1);
    return `${kind.split('.')[1]}${ended ? ' over' : ''}`;
  });

/** Calls that ended a moment ago, as they were sealed and posted. */
async function ended(calls: number, failed: number, minutesAgo = 1): Promise<void> {
  await run(
    `with head as (
       insert into audit_head as h (tenant_id, next_seq) values ($1, $2 + 1)
       on conflict (tenant_id) do update set next_seq = h.next_seq + $2 returning next_seq - $2 as first
     ), cursor as (
       insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, $2, now(), 'UTC') on conflict do nothing
     ), named as (
       insert into usage_key (tenant_id, id, connection, tool, member_id, client_id, code)
       values ($1, md5('crm')::uuid, 'crm', '', '', '', '') on conflict do nothing
     ), counted as (
       insert into usage_hour as u (tenant_id, hour, key, calls, errors, denied, cost_micros, held_micros, durations)
       select $1, date_trunc('hour', now() - make_interval(mins => $4), 'UTC'), md5('crm')::uuid, $2, $3, 0, 0, 0, 0
       on conflict (tenant_id, hour, key) do update set calls = u.calls + excluded.calls, errors = u.errors + excluded.errors
     )
     insert into audit_event (tenant_id, seq, id, kind, at, call_id, connection, tool, outcome, detail)
     select $1, first + n - 1, 'evt_' || first + n, 'outcome', now() - make_interval(mins => $4), 'call_' || first + n,
            'crm', 'crm_find', case when n <= $3 then 'timeout' else 'ok' end, '{}'
       from head, generate_series(1, $2::int) n`,
    [tenantId, calls, failed, minutesAgo],
  );
}

describe('a connection', () => {
  it('that is not well for five minutes is in trouble, once until it has been well for fifteen', async () => {
    await becomes('AUTH_REQUIRED', 'It answered 401.');
    await look();
    await statusIsOlder('4 minutes 50 seconds');
    await look();
    expect(await kinds()).toEqual([]);
    await statusIsOlder('15 seconds');
    // Not well all the time, in one way or another.
    await becomes('ERROR', 'It answered 401.');
    await Promise.all([look(), alerts.another().check('connections')]);
    await alerts.another().check('connections');
    expect(await kinds()).toEqual(['trouble']);
    expect((await alerts.alerts(tenantId))[0]).toMatchObject({
      subject: connection,
      detail: { connection: 'crm', status: 'ERROR', reason: 'It answered 401.', failed: null },
    });
    await seenLongAgo();
    await look();
    expect(await kinds()).toEqual(['trouble']);
    await becomes('ACTIVE');
    await look();
    expect(await kinds()).toEqual(['trouble']);
    await seenLongAgo();
    await look();
    await look();
    expect((await kinds()).sort()).toEqual(['recovered', 'trouble over']);
    await becomes('DEGRADED');
    await look();
    expect(await kinds()).toHaveLength(2);
    await statusIsOlder('6 minutes');
    await look();
    expect(await kinds()).toHaveLength(3);
  });

  it('of whose calls more than half failed in a quarter of an hour is in trouble, but not by fewer than twenty', async () => {
    await ended(19, 19);
    await ended(30, 30, 16);
    await look();
    expect(await kinds()).toEqual([]);
    await ended(19, 0);
    await look();
    expect(await kinds()).toEqual([]);
    await ended(1, 1);
    await look();
    expect(await kinds()).toEqual(['trouble']);
    expect((await alerts.alerts(tenantId))[0]!.detail).toMatchObject({
      calls: 39,
      failed: 20,
      since: null,
    });
  });

  it('that is removed while it is in trouble is told of no more', async () => {
    await becomes('ERROR');
    await statusIsOlder('6 minutes');
    await look();
    await run('delete from connection where tenant_id = $1', [tenantId]);
    await seenLongAgo();
    await look();
    expect(await kinds()).toEqual(['trouble over']);
  });
});
