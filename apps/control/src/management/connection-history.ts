import { readUsage } from '@conducktor/db';
import type { Control } from '../control.js';

interface LastTest {
  at: Date;
  actor: string | null;
  status: string | null;
}

const TEST_DAYS = 90;
const CALL_HOURS = 24;
const HOUR_MS = 3_600_000;

/** What is recorded of a connection: its last test, and its calls of this hour and the 24 before. */
export async function connectionHistory(
  { db }: Pick<Control, 'db'>,
  tenantId: string,
  connection: { id: string; slug: string },
) {
  return db.withTenant(tenantId, async (tx) => {
    const tests = await tx.query<LastTest>(
      `select at, actor, detail->>'status' as status from audit_event
        where tenant_id = $1 and kind = 'control' and detail->>'action' = 'connection.test'
          and detail->>'connectionId' = $2 and at > now() - make_interval(days => $3)
          -- Sealed after it, but for the clock of who recorded it.
          and sealed_at > now() - make_interval(days => $3 + 1)
        order by seq desc limit 1`,
      [tenantId, connection.id, TEST_DAYS],
    );
    const until = new Date();
    const usage = await readUsage(tx, {
      groupBy: ['connection'],
      // Full hours, so that no single calls are looked through.
      since: new Date((Math.floor(until.getTime() / HOUR_MS) - CALL_HOURS) * HOUR_MS),
      until,
      zone: undefined,
      connection: connection.slug,
      tool: undefined,
      member: undefined,
      client: undefined,
      limit: 2,
    });
    const { calls, errors, p50Ms, p95Ms } = usage.total;
    const [test] = tests.rows;
    return {
      lastTest: test
        ? {
            at: test.at.toISOString(),
            status: test.status ?? 'unknown',
            by: test.actor ?? 'unknown',
          }
        : null,
      last24h: { calls, errors, p50Ms, p95Ms },
    };
  });
}
