import { createDb } from '@conducktor/db';
import { newId } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAlerts, zoneAt, type AlertHarness } from './harness.js';

const UNIT = 1_000_000;
const LIMIT = 100 * UNIT;

let alerts: AlertHarness;
let tenantId: string;
beforeAll(async () => {
  alerts = await startAlerts();
});
afterAll(() => alerts.stop());
beforeEach(async () => {
  ({ tenantId } = await alerts.seed());
});

const run = (sql: string, values: unknown[]) => alerts.admin.pool.query(sql, values);

/** A budget on the workspace, and its account of the period that is now. */
async function budget(
  more: {
    period?: string;
    limit?: number;
    spent?: number;
    forecast?: boolean;
    thresholds?: number[];
  } = {},
): Promise<string> {
  const id = newId('bud');
  await run(
    `insert into budget (tenant_id, id, scope_kind, period, limit_micros, forecast, thresholds)
     values ($1, $2, 'tenant', $3, $4, $5, $6)`,
    [
      tenantId,
      id,
      more.period ?? 'month',
      more.limit ?? LIMIT,
      more.forecast ?? false,
      more.thresholds ?? [50, 80, 100],
    ],
  );
  await open(id);
  if (more.spent !== undefined) await spend(id, more.spent);
  return id;
}
const open = (id: string) =>
  run(
    `insert into budget_account (tenant_id, id, budget_id, limit_micros)
     select b.tenant_id, b.number * 65536 + budget_period_index(b.period, now(), t.zone), b.id, b.limit_micros
       from budget b join tenant t on t.id = b.tenant_id where b.tenant_id = $1 and b.id = $2`,
    [tenantId, id],
  );
const ofNow = `a.id = (select b.number * 65536 + budget_period_index(b.period, now(), t.zone)
  from budget b join tenant t on t.id = b.tenant_id where b.tenant_id = $1 and b.id = $2)`;
const spend = (id: string, units: number) =>
  run(`update budget_account a set spent_micros = $3 where a.tenant_id = $1 and ${ofNow}`, [
    tenantId,
    id,
    Math.round(units * UNIT),
  ]);
const refuse = (id: string) =>
  run(
    `update budget_account a set refused_at = coalesce(refused_at, now()) where a.tenant_id = $1 and ${ofNow}`,
    [tenantId, id],
  );
/** As control does it. */
async function setLimit(id: string, limit: number): Promise<void> {
  const app = createDb(alerts.urlFor('conducktor_app'), { max: 1 });
  await app.withTenant(tenantId, async (tx) => {
    await tx.query('update budget set limit_micros = $3 where tenant_id = $1 and id = $2', [
      tenantId,
      id,
      limit,
    ]);
    await tx.query('select apply_budget_limit($1)', [id]);
  });
  await app.end();
}
const inZone = (zone: string) => run('update tenant set zone = $2 where id = $1', [tenantId, zone]);
const look = () => alerts.watch.check('budgets');
/** `threshold!` for those that people are told of. */
const given = async () =>
  (await alerts.alerts(tenantId)).map(({ detail, told, messages }) => {
    expect(messages).toBe(told ? 1 : 0);
    return `${String(detail['threshold'] ?? 'forecast')}${told ? '!' : ''}`;
  });

describe('a threshold', () => {
  it('is told to everybody, however much one workspace was charged', async () => {
    // A million calls at prices of its own, then a budget, which opens with them.
    await budget({ spent: 1e11 });
    const rich = tenantId;
    ({ tenantId } = await alerts.seed());
    await budget({ spent: 50 });
    await look();
    expect(await given()).toEqual(['50!']);
    tenantId = rich;
    expect(await given()).toEqual(['50', '80', '100!']);
  });

  it('is told when it is reached and not just below, once by however many and after a restart, and anew in the next period', async () => {
    await inZone('Etc/GMT+12');
    const id = await budget({ period: 'day', spent: 49.999_999 });
    await look();
    expect(await given()).toEqual([]);
    await spend(id, 50);
    const others = [alerts.another(), alerts.another(), alerts.watch];
    await Promise.all(Array.from({ length: 12 }, (_, n) => others[n % 3]!.check('budgets')));
    expect(await given()).toEqual(['50!']);
    expect((await alerts.alerts(tenantId))[0]).toMatchObject({
      kind: 'budget.threshold',
      subject: id,
      detail: { limitMicros: LIMIT, spentMicros: 50 * UNIT, refusedAt: null, currency: 'USD' },
    });
    await alerts.another().check('budgets');
    expect(await given()).toEqual(['50!']);
    // Where it is another day already.
    await inZone('Etc/GMT-14');
    await open(id);
    await spend(id, 79.999_999);
    await look();
    expect(await given()).toEqual(['50!', '50!']);
  });

  it('that is passed together with a higher one is recorded, and people hear of the highest', async () => {
    const id = await budget({ spent: 85 });
    await look();
    expect(await given()).toEqual(['50', '80!']);
    await spend(id, 100);
    await look();
    expect(await given()).toEqual(['50', '80!', '100!']);
    const low = 'update budget set thresholds = $3 where tenant_id = $1 and id = $2';
    await run(low, [tenantId, id, [50, 80, 90, 100]]);
    await look();
    expect((await given()).sort()).toEqual(['100!', '50', '80!', '90'].sort());
  });

  it('of 100 is passed by a refusal too, and counts anew only with another limit', async () => {
    const id = await budget({ spent: 60 });
    await refuse(id);
    await look();
    expect(await given()).toEqual(['50', '100!']);
    await setLimit(id, LIMIT);
    await look();
    expect(await given()).toHaveLength(2);
    await setLimit(id, 110 * UNIT);
    await look();
    expect(await given()).toEqual(['50', '100!', '50!']);
    await refuse(id);
    await look();
    await look();
    expect(await given()).toEqual(['50', '100!', '50!', '100!']);
  });

  it('of a budget of nothing is passed by a refusal only', async () => {
    const id = await budget({ limit: 0 });
    await look();
    expect(await given()).toEqual([]);
    await refuse(id);
    await look();
    expect(await given()).toEqual(['100!']);
  });

  it('of a rolling budget counts anew once less than ten points below it is spent, a day later at the earliest', async () => {
    const id = await budget({ period: 'rolling-30d', spent: 85, thresholds: [80, 100] });
    const aDayLater = () =>
      run(`update alert set at = at - interval '25 hours' where tenant_id = $1`, [tenantId]);
    await look();
    await spend(id, 60);
    await look();
    await spend(id, 85);
    await look();
    expect(await given()).toEqual(['80!']);
    await spend(id, 71);
    await aDayLater();
    await look();
    await spend(id, 85);
    await look();
    expect(await given()).toEqual(['80!']);
    // What has left the window is not spent any more, also before a call takes it out.
    await run(
      `insert into budget_hour (tenant_id, account_id, hour, spent_micros)
       select a.tenant_id, a.id, first_rolling_hour() - 1, 16000000 from budget_account a where a.tenant_id = $1 and ${ofNow}`,
      [tenantId, id],
    );
    await look();
    await run('delete from budget_hour where tenant_id = $1', [tenantId]);
    await look();
    await look();
    expect(await given()).toEqual(['80!', '80!']);
    // Refused at less than its limit: told once, and again a day later when it is refused again.
    await refuse(id);
    await look();
    await spend(id, 20);
    await look();
    expect(await given()).toEqual(['80!', '80!', '100!']);
    await aDayLater();
    await look();
    await look();
    expect(await given()).toHaveLength(3);
    await refuse(id);
    await look();
    expect(await given()).toHaveLength(4);
  });
});

describe('a forecast', () => {
  it('is told once when the pace leads over the limit, and not just below, too early, or where it is switched off', async () => {
    await inZone(zoneAt(17));
    const id = await budget({ period: 'day', spent: 70, forecast: true, thresholds: [] });
    const off = await budget({ period: 'day', spent: 80, thresholds: [] });
    await look();
    expect(await given()).toEqual([]);
    await spend(id, 80);
    await look();
    await alerts.another().check('budgets');
    const [alert, ...more] = await alerts.alerts(tenantId);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ kind: 'budget.forecast', subject: id, told: true, messages: 1 });
    const { forecastMicros, reachedAt, periodEnd } = alert!.detail as {
      forecastMicros: number;
      reachedAt: string;
      periodEnd: string;
    };
    expect(forecastMicros).toBeGreaterThan(LIMIT);
    expect(Date.parse(reachedAt)).toBeGreaterThan(Date.now());
    expect(Date.parse(reachedAt)).toBeLessThan(Date.parse(periodEnd));
    // Over the limit already: that is no forecast.
    await run('update budget set forecast = true where id = $1', [off]);
    await spend(off, 100);
    await look();
    expect(await given()).toHaveLength(1);
  });

  it('is not made in the first twelve hours', async () => {
    await inZone(zoneAt(10));
    await budget({ period: 'day', spent: 80, forecast: true, thresholds: [] });
    await look();
    expect(await given()).toEqual([]);
  });
});

it('looks up what stands of each budget, and does not compare all of them with all', async () => {
  const many = await alerts.admin.pool.connect();
  // One connection, so that what was planned before anything stood goes on.
  const took = async () => {
    const began = performance.now();
    await many.query('select check_budget_alerts()');
    return performance.now() - began;
  };
  await many.query('delete from alert');
  await many.query('set session_replication_role = replica');
  await many.query(
    `insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros)
     select $1, 'bud_many' || i, 'user', 'mem_' || i, 'rolling-30d', 100 from generate_series(1, 500) i`,
    [tenantId],
  );
  await many.query(
    `insert into budget_account (tenant_id, id, budget_id, limit_micros, spent_micros)
     select tenant_id, number * 65536, id, limit_micros, limit_micros from budget where tenant_id = $1`,
    [tenantId],
  );
  await many.query('set session_replication_role = origin');
  const recording = await took();
  const looking = await took();
  many.release();
  expect(await given()).toHaveLength(1_500);
  expect(looking).toBeLessThan(recording);
});
