import { accountOf } from '@conducktor/budget';
import { newId } from '@conducktor/contracts';
import { createDb } from '@conducktor/db';
import { createTestDatabase, seedWorkspace } from '@conducktor/testing';
import { expect, test } from 'vitest';
import type { Caller, Entry } from '../../tool-call/types.js';
import { loadWorkspace } from '../../workspace/load-workspace.js';

const HOUR_MS = 3_600_000;
const HOURS = 380 * 24;
// Read by Postgres as an abbreviation; of late changes, which two copies of the rules know at different times; with
// midnights that there are twice, or not at all; with odd offsets.
const ZONES = [
  'CET',
  'America/Edmonton',
  'Africa/Casablanca',
  'America/Havana',
  'America/Santiago',
  'Pacific/Chatham',
];

test('a call is counted in the day, week and month that the database says it is, whatever the runtime knows of its zone', async () => {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl, { max: 1 });
  const gateway = createDb(database.urlFor('conducktor_gateway'), { max: 1 });
  try {
    const { tenantId } = await seedWorkspace(admin);
    for (const period of ['day', 'week', 'month'])
      await admin.pool.query(
        "insert into budget (tenant_id, id, scope_kind, period, limit_micros) values ($1, $2, 'tenant', $3, 1)",
        [tenantId, newId('bud'), period],
      );
    const from = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
    const moments = Array.from({ length: HOURS }, (_, hour) => from + hour * HOUR_MS);
    const caller = { member: { id: 'mem_x', groups: [] }, clientId: 'x' } as unknown as Caller;
    const tool = { id: 'tol_x', connection: { id: 'con_x' } } as unknown as Entry;
    for (const zone of ZONES) {
      await admin.pool.query('update tenant set zone = $2 where id = $1', [tenantId, zone]);
      const { budgets } = await loadWorkspace(gateway, tenantId, []);
      const { rows } = await admin.pool.query<{ indexes: number[] }>(
        `select array[budget_period_index('day', a, $2), budget_period_index('week', a, $2), budget_period_index('month', a, $2)] as indexes
           from unnest($1::float8[]) with ordinality u(ms, ord) cross join lateral (select to_timestamp(ms / 1000) a) m order by ord`,
        [moments, zone],
      );
      const wrong = moments.filter((at, hour) => {
        const indexes = budgets!.accountsOf(caller, tool, at).map((id) => accountOf(id).index);
        return indexes.join() !== rows[hour]!.indexes.join();
      });
      expect(
        wrong.map((at) => new Date(at).toISOString()),
        zone,
      ).toEqual([]);
    }
  } finally {
    await gateway.end();
    await admin.end();
    await database.drop();
  }
});
