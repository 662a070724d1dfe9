import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAlerts, zoneAt, type AlertHarness } from './harness.js';

const UNIT = 1_000_000;

let alerts: AlertHarness;
let tenantId: string;
/** Where it is early evening now, so that a day has hours before this one and after it. */
const zone = zoneAt(18);
beforeAll(async () => {
  alerts = await startAlerts();
});
afterAll(() => alerts.stop());
beforeEach(async () => {
  ({ tenantId } = await alerts.seed());
  await alerts.admin.pool.query(
    `with zoned as (update tenant set zone = $2 where id = $1)
     insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, 0, now(), $2)`,
    [tenantId, zone],
  );
});

/** Usage of one connection so many days ago at this hour of the day, as posting writes it. */
async function used(
  daysAgo: number,
  hour: number,
  calls: number,
  units = 0,
  connection = 'crm',
): Promise<void> {
  await alerts.admin.pool.query(
    `with at as (
       select d.day, (d.day + make_interval(hours => $4)) at time zone $2 as hour, md5($7)::uuid as key
         from (select (now() at time zone $2)::date - $3::int as day) d
     ), named as (
       insert into usage_key (tenant_id, id, connection, tool, member_id, client_id, code)
       select $1, key, $7, '', '', '', '' from at on conflict do nothing
     ), daily as (
       insert into usage_day as u (tenant_id, day, key, calls, errors, denied, cost_micros, held_micros, durations)
       select $1, day, key, $5, 0, 0, $6, 0, 0 from at on conflict (tenant_id, day, key) do update
         set calls = u.calls + excluded.calls, cost_micros = u.cost_micros + excluded.cost_micros
     )
     insert into usage_hour as u (tenant_id, hour, key, calls, errors, denied, cost_micros, held_micros, durations)
     select $1, hour, key, $5, 0, 0, $6, 0, 0 from at on conflict (tenant_id, hour, key) do update
       set calls = u.calls + excluded.calls, cost_micros = u.cost_micros + excluded.cost_micros`,
    [tenantId, zone, daysAgo, hour, calls, Math.round(units * UNIT), connection],
  );
}
const look = () => alerts.watch.check('usage');
const given = () => alerts.alerts(tenantId);

describe('usage of a day', () => {
  it('is unusual above three times the same weekday by this time of day, not at it, and told once a day', async () => {
    for (const daysAgo of [7, 14, 21, 28]) {
      await used(daysAgo, 9, 20);
      // Later that day, and on other weekdays.
      await used(daysAgo, 22, 1_000);
      await used(daysAgo - 1, 9, 1);
    }
    await used(0, 10, 60);
    await look();
    expect(await given()).toEqual([]);
    await used(0, 12, 1, 0, 'mail');
    await Promise.all([look(), alerts.another().check('usage')]);
    await used(0, 13, 500);
    await look();
    const [alert, ...more] = await given();
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ kind: 'spend.unusual', subject: tenantId, messages: 1 });
    expect(alert!.detail).toMatchObject({
      calls: 61,
      usualCalls: 20,
      usualCostMicros: null,
      mostBy: { connection: 'crm', calls: 60 },
    });
  });

  it('is unusual by what it costs, compared with days on which something was paid', async () => {
    for (const daysAgo of [7, 14]) await used(daysAgo, 9, 5, 1);
    for (const daysAgo of [21, 28]) await used(daysAgo, 9, 5);
    await used(0, 10, 5, 3);
    await look();
    expect(await given()).toEqual([]);
    await used(0, 11, 1, 0.01);
    await look();
    expect((await given())[0]!.detail).toMatchObject({
      costMicros: 3_010_000,
      usualCostMicros: UNIT,
      usualCalls: null,
    });
  });

  it('is not when there is little of it, or one earlier weekday to compare with', async () => {
    for (const daysAgo of [7, 14]) await used(daysAgo, 9, 1, 0.1);
    await used(0, 10, 49, 0.99);
    await look();
    expect(await given()).toEqual([]);
    ({ tenantId } = await alerts.seed());
    await alerts.admin.pool.query(
      `with zoned as (update tenant set zone = $2 where id = $1)
       insert into money_cursor (tenant_id, posted_seq, sealed_at, zone) values ($1, 0, now(), $2)`,
      [tenantId, zone],
    );
    await used(7, 9, 1, 0.1);
    await used(6, 9, 1, 0.1);
    await used(0, 10, 5_000, 500);
    await look();
    expect(await given()).toEqual([]);
    await used(21, 9, 1, 0.1);
    await look();
    expect(await given()).toHaveLength(1);
  });
});
