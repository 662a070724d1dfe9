import type { SeededMember, SeededWorkspace } from '@conducktor/testing';
import { createDb } from '@conducktor/db';
import type { ControlService } from './harness.js';
import { seal } from './journal.js';

/** A call with a price, as a gateway has it journaled. */
export interface PricedCall {
  id: string;
  reserved: number;
  /** Absent: it still runs. */
  cost?: number;
  /** Ids of the budgets that it reserves at. */
  budgets?: string[];
  by?: SeededMember;
  client?: string;
  connection?: string;
  tool?: string;
  at?: Date;
}

/**
 * Makes calls one tick after the other, each with its outcome in the next, through the function that gateways
 * use. Resolves with what was refused.
 */
export async function makeCalls(
  service: ControlService,
  workspace: SeededWorkspace,
  calls: readonly PricedCall[],
): Promise<string[]> {
  const { pool } = service.admin;
  const { tenantId } = workspace;
  const epoch = (await pool.query("select open_epoch('test') as id")).rows[0].id as number;
  const refused: string[] = [];
  let tick = 0;
  for (const call of calls) {
    const accounts = await accountsOf(service, workspace, call.budgets ?? []);
    const { rows } = await pool.query('select version from tenant_version where tenant_id = $1', [
      tenantId,
    ]);
    const at = (call.at ?? new Date()).toISOString();
    const by = call.by ?? workspace.member;
    const record = {
      at,
      memberId: by.memberId,
      actor: by.email,
      clientId: call.client ?? 'chatgpt',
      connection: call.connection ?? 'crm',
      tool: call.tool ?? 'crm_find',
      decision: 'allow',
      argumentsHash: 'ab'.repeat(32),
      reservedMicros: call.reserved,
      budgets: accounts,
    };
    const own = ++tick;
    const tenants = accounts.map(() => tenantId);
    const nothing = accounts.map(() => 0);
    const intents = [
      [tenantId],
      [rows[0].version],
      [call.id],
      [true],
      [call.reserved],
      [new Date(Date.now() + 60_000)],
      [JSON.stringify(record)],
    ];
    const reserves = [tenants, accounts, accounts.map(() => call.reserved), nothing, nothing];
    const places = [accounts.map(() => 1), accounts.map((_, index) => index + 1)];
    const verdict = await pool.query(
      TICK,
      [[epoch, own], intents, noneOf(6), reserves, places].flat(1),
    );
    const said = verdict.rows[0].said as string | null;
    if (said !== null && (JSON.parse(said) as { verdict: number[] }).verdict[0] !== 0) {
      refused.push(call.id);
      continue;
    }
    if (call.cost === undefined) continue;
    const outcome = JSON.stringify({ at, outcome: 'ok', durationMs: 1 });
    const outcomes = [[own], [1], [tenantId], [call.id], [call.cost], [outcome]];
    const charges = [
      tenants,
      accounts,
      nothing,
      accounts.map(() => call.reserved),
      accounts.map(() => call.cost),
    ];
    await pool.query(TICK, [[epoch, ++tick], noneOf(7), outcomes, charges, noneOf(2)].flat(1));
  }
  return refused;
}

/** So many empty lists. */
const noneOf = (count: number) => Array.from({ length: count }, () => []);

const TICK = `select tick_spend($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                                $19, $20, $21, $22) as said`;

/** Has what was journaled sealed and posted to the ledger and to usage. */
export async function post(service: ControlService): Promise<void> {
  await seal(service);
  await service.admin.pool.query('select post_money(100000)');
}

/** Account ids of now. */
export async function accountsOf(
  { admin }: ControlService,
  { tenantId }: SeededWorkspace,
  budgets: readonly string[],
): Promise<number[]> {
  const { rows } = await admin.pool.query<{ id: number }>(
    `select (b.number * 65536 + budget_period_index(b.period, now(), t.zone))::float8 as id
       from budget b join tenant t on t.id = b.tenant_id
      where b.tenant_id = $1 and b.id = any ($2) order by b.number`,
    [tenantId, budgets],
  );
  return rows.map(({ id }) => id);
}

/** Waits until somebody waits for a lock of somebody else's transaction. */
export async function someoneWaits(databaseUrl: string): Promise<void> {
  const db = createDb(databaseUrl, { max: 1 });
  try {
    for (const until = Date.now() + 30_000; Date.now() < until;) {
      const { rows } = await db.pool.query<{ waits: boolean }>(
        `select exists (select from pg_locks l join pg_stat_activity a using (pid)
                         where not l.granted and a.datname = current_database()) as waits`,
      );
      if (rows[0]!.waits) return;
    }
    throw new Error('Nobody waited for half a minute.');
  } finally {
    await db.end();
  }
}
