import type { Db, TenantTx } from '../db.js';
import type { RecordedCallFilter } from './recorded-call.js';

export type SimulationStatus = 'queued' | 'running' | 'done' | 'cancelled' | 'failed';

export interface NewSimulation {
  id: string;
  createdBy: string;
  version: number | null;
  document: unknown;
  filter: RecordedCallFilter;
  days: number;
  since: Date;
  firstSeq: number;
  lastSeq: number;
}

/** `totals` and `seen` are what the last step wrote: `{}` and `[]` before the first. */
export interface SimulationRow extends NewSimulation {
  status: SimulationStatus;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  cursorSeq: number;
  totals: Record<string, unknown>;
  seen: unknown[];
  changes: number;
  error: string | null;
}

/** A call that would have been decided otherwise; `calls` equal ones share the record. */
export interface SimulationChange {
  seq: number;
  eventId: string;
  at: Date;
  memberId: string | null;
  clientId: string | null;
  connection: string | null;
  tool: string | null;
  calls: number;
  thenEffect: string;
  thenRule: string | null;
  nowEffect: string;
  nowRule: string | null;
  nowSentence: string;
}

const COLUMNS = `id, created_by as "createdBy", version, document, filter, days, since,
  first_seq::float8 as "firstSeq", last_seq::float8 as "lastSeq", status, created_at as "createdAt",
  started_at as "startedAt", finished_at as "finishedAt", cursor_seq::float8 as "cursorSeq",
  totals, seen, changes, error`;

// Enough to compare drafts of a day with each other.
const KEPT = 20;

/** False when one of the workspace is queued or running. Only the newest that ended are kept beside it. */
export async function insertSimulation(tx: TenantTx, made: NewSimulation): Promise<boolean> {
  await tx.query(
    `delete from policy_simulation where tenant_id = $1 and id in (
       select id from policy_simulation where tenant_id = $1 and finished_at is not null
        order by created_at desc offset $2)`,
    [tx.tenantId, KEPT - 1],
  );
  const { rowCount } = await tx.query(
    `insert into policy_simulation (tenant_id, id, created_by, version, document, filter, days, since,
                                    first_seq, last_seq, cursor_seq)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9::bigint, $10, $9::bigint - 1)
     on conflict (tenant_id) where status in ('queued', 'running') do nothing`,
    [
      tx.tenantId,
      made.id,
      made.createdBy,
      made.version,
      JSON.stringify(made.document),
      JSON.stringify(made.filter),
      made.days,
      made.since,
      made.firstSeq,
      made.lastSeq,
    ],
  );
  return rowCount === 1;
}

export async function findSimulation(tx: TenantTx, id: string): Promise<SimulationRow | undefined> {
  const { rows } = await tx.query<SimulationRow>(
    `select ${COLUMNS} from policy_simulation where tenant_id = $1 and id = $2`,
    [tx.tenantId, id],
  );
  return rows[0];
}

/** The one that is queued or running. */
export async function liveSimulation(tx: TenantTx): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from policy_simulation where tenant_id = $1 and status in ('queued', 'running')`,
    [tx.tenantId],
  );
  return rows[0]?.id;
}

export async function listSimulations(tx: TenantTx): Promise<SimulationRow[]> {
  const { rows } = await tx.query<SimulationRow>(
    `select ${COLUMNS} from policy_simulation where tenant_id = $1 order by created_at desc, id limit 100`,
    [tx.tenantId],
  );
  return rows;
}

/** Changes beyond this place of the sequence, in its order. */
export async function simulationChanges(
  tx: TenantTx,
  id: string,
  { beyond, limit }: { beyond: number; limit: number },
): Promise<(SimulationChange & { email: string | null })[]> {
  const { rows } = await tx.query<SimulationChange & { email: string | null }>(
    `select c.seq::float8 as seq, c.event_id as "eventId", c.at, c.member_id as "memberId", m.email,
            c.client_id as "clientId", c.connection, c.tool, c.calls, c.then_effect as "thenEffect",
            c.then_rule as "thenRule", c.now_effect as "nowEffect", c.now_rule as "nowRule",
            c.now_sentence as "nowSentence"
       from policy_simulation_change c
       left join member m on m.tenant_id = c.tenant_id and m.id = c.member_id
      where c.tenant_id = $1 and c.simulation_id = $2 and c.seq > $3
      order by c.seq limit $4`,
    [tx.tenantId, id, beyond, limit],
  );
  return rows;
}

/** Takes one that nobody works on, of any workspace; it is this worker's for `leaseSeconds` at a time. */
export async function claimSimulation(
  db: Db,
  worker: string,
  leaseSeconds: number,
): Promise<{ tenantId: string; id: string; attempts: number } | undefined> {
  const { rows } = await db.pool.query<{ tenantId: string; id: string; attempts: number }>(
    `select tenant_id as "tenantId", id, attempts from claim_policy_simulation($1, $2)`,
    [worker, leaseSeconds],
  );
  return rows[0];
}

/** What is one worker's to go on with: whoever lost it meanwhile, or is behind, changes nothing. */
export interface SimulationHold {
  id: string;
  worker: string;
  /** Up to where this worker knows it to be done. */
  cursorSeq: number;
}

const OWN = `tenant_id = $1 and id = $2 and status = 'running' and lease_by = $3 and cursor_seq = $4`;

/**
 * One step further, with what it found, in one transaction; the last one ends it. False when it is not
 * this worker's any more: then nothing is written.
 */
export async function advanceSimulation(
  tx: TenantTx,
  hold: SimulationHold,
  step: {
    cursorSeq: number;
    totals: unknown;
    seen: unknown;
    changes: readonly SimulationChange[];
    finished: boolean;
    leaseSeconds: number;
  },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update policy_simulation
        set cursor_seq = $5, totals = $6, seen = $7, changes = changes + $8, attempts = 0,
            lease_until = now() + make_interval(secs => $10),
            status = case when $9 then 'done' else status end, finished_at = case when $9 then now() end
      where ${OWN}`,
    [
      tx.tenantId,
      hold.id,
      hold.worker,
      hold.cursorSeq,
      step.cursorSeq,
      JSON.stringify(step.totals),
      JSON.stringify(step.seen),
      step.changes.length,
      step.finished,
      step.leaseSeconds,
    ],
  );
  if (rowCount !== 1) return false;
  if (step.changes.length > 0)
    await tx.query(
      `insert into policy_simulation_change (tenant_id, simulation_id, seq, event_id, at, member_id, client_id,
              connection, tool, calls, then_effect, then_rule, now_effect, now_rule, now_sentence)
       select $1, $2, r."seq", r."eventId", r."at", r."memberId", r."clientId", r."connection", r."tool", r."calls",
              r."thenEffect", r."thenRule", r."nowEffect", r."nowRule", r."nowSentence"
         from jsonb_to_recordset($3::jsonb) r("seq" bigint, "eventId" text, "at" timestamptz, "memberId" text,
              "clientId" text, "connection" text, "tool" text, "calls" integer, "thenEffect" text, "thenRule" text,
              "nowEffect" text, "nowRule" text, "nowSentence" text)`,
      [tx.tenantId, hold.id, JSON.stringify(step.changes)],
    );
  return true;
}

/** Gives it back, for the next worker to go on at once. */
export async function releaseSimulation(
  tx: TenantTx,
  { id, worker }: Omit<SimulationHold, 'cursorSeq'>,
): Promise<void> {
  await tx.query(
    `update policy_simulation set lease_until = null, attempts = 0
      where tenant_id = $1 and id = $2 and status = 'running' and lease_by = $3`,
    [tx.tenantId, id, worker],
  );
}

/** It cannot be gone on with; `error` is a sentence for people. */
export async function failSimulation(
  tx: TenantTx,
  { id, worker }: Omit<SimulationHold, 'cursorSeq'>,
  error: string,
): Promise<void> {
  await tx.query(
    `update policy_simulation set status = 'failed', finished_at = now(), error = $4
      where tenant_id = $1 and id = $2 and status = 'running' and lease_by = $3`,
    [tx.tenantId, id, worker, error],
  );
}

/** False when it had ended already. What it has found stays. */
export async function cancelSimulation(tx: TenantTx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update policy_simulation set status = 'cancelled', finished_at = now()
      where tenant_id = $1 and id = $2 and status in ('queued', 'running')`,
    [tx.tenantId, id],
  );
  return rowCount === 1;
}
