import type { TenantTx } from '../db.js';
import type { AuditConditions, AuditRow } from './audit-event.js';
import { boundsBefore, boundsOf, monthsToSearch, sealedMonths } from './sealed-months.js';

/** An entry of the sequence as it was sealed; an outcome stands for itself. */
export type SealedRow = Omit<AuditRow, 'kind'> & { kind: AuditRow['kind'] | 'outcome' };

const FROM_THE_FIRST = { order: 'asc', beyond: undefined, since: undefined } as const;

/** The last place of the sequence that is taken; 0 while there is none. */
export async function lastSeq(tx: TenantTx): Promise<number> {
  const latest = (await sealedMonths(tx)).at(-1);
  const { rows } = await tx.query<{ seq: number }>(
    'select coalesce(max(seq), 0)::float8 as seq from audit_event where tenant_id = $1 and sealed_at >= $2::timestamptz',
    [tx.tenantId, latest?.starts ?? '-infinity'],
  );
  return rows[0]!.seq;
}

/** The first place that is still kept; undefined while there is none. */
export async function firstSeq(tx: TenantTx): Promise<number | undefined> {
  // A month that is being removed may have nothing left.
  for (const { starts, ends } of monthsToSearch(await sealedMonths(tx), FROM_THE_FIRST)) {
    const { rows } = await tx.query<{ seq: number | null }>(
      `select min(seq)::float8 as seq from audit_event
        where tenant_id = $1 and sealed_at >= $2::timestamptz and sealed_at < $3::timestamptz`,
      [tx.tenantId, starts, ends],
    );
    if (rows[0]!.seq !== null) return rows[0]!.seq;
  }
  return undefined;
}

/**
 * The events with `after` < seq ≤ `upTo` that fit, in order. An outcome is told with who called what,
 * out of its call. The span bounds the work, whatever fits.
 */
export async function sealedEventsBetween(
  tx: TenantTx,
  span: { after: number; upTo: number },
  conditions: AuditConditions = {},
): Promise<SealedRow[]> {
  const months = await sealedMonths(tx);
  const bounds = boundsOf(months, span.after + 1, span.upTo);
  // A call is hardly ever sealed more than a month before its outcome.
  const near = boundsBefore(months, span.after + 1, span.upTo).starts;
  const rows = await readSealed(tx, span, conditions, [bounds.starts, bounds.ends, near]);
  if (near === '-infinity' || rows.every(({ lost }) => !lost)) return rows.map(withoutLost);
  const all = await readSealed(tx, span, conditions, [bounds.starts, bounds.ends, '-infinity']);
  return all.map(withoutLost);
}

/** `lost`: an outcome whose call was not found. It comes whether it fits or not, unless all months were searched. */
type FoundRow = SealedRow & { lost: boolean };

const withoutLost = ({ lost: _lost, ...row }: FoundRow): SealedRow => row;

async function readSealed(
  tx: TenantTx,
  span: { after: number; upTo: number },
  conditions: AuditConditions,
  [starts, ends, callsSince]: [string, string, string],
): Promise<FoundRow[]> {
  const { since, until, actor, client, connection, tool, decision, code, outcome, kind, callId } =
    conditions;
  const { rows } = await tx.query<FoundRow>(
    `select * from (
       select e.id, e.seq::float8 as seq, e.kind, e.at, coalesce(e.actor, c.actor) as actor,
              coalesce(e.member_id, c.member_id) as "memberId", coalesce(e.client_id, c.client_id) as client,
              coalesce(e.connection, c.connection) as connection, coalesce(e.tool, c.tool) as tool,
              coalesce(e.decision, c.decision) as decision, e.code, e.outcome, e.duration_ms as "durationMs",
              e.cost_micros::float8 as "costMicros", e.call_id as "callId",
              coalesce(e.arguments_hash, c.arguments_hash) as "argumentsHash", e.detail,
              e.kind = 'outcome' and c.call_id is null as lost
         from audit_event e
         left join lateral (
           select x.* from audit_event x
            where e.kind = 'outcome' and x.tenant_id = e.tenant_id and x.call_id = e.call_id and x.kind = 'call'
              and x.sealed_at >= $17::timestamptz and x.sealed_at < $16::timestamptz and x.sealed_at <= e.sealed_at
            order by x.seq limit 1) c on true
        where e.tenant_id = $1 and e.seq > $2 and e.seq <= $3
          and e.sealed_at >= $15::timestamptz and e.sealed_at < $16::timestamptz) s
      where (lost and $17 <> '-infinity'::timestamptz or (($4::timestamptz is null or at >= $4)
        and ($5::timestamptz is null or at < $5)
        and ($6::text is null or "memberId" = $6 or lower(actor) = lower($6))
        and ($7::text is null or client = $7)
        and ($8::text is null or connection = $8)
        and ($9::text is null or tool = $9)
        and ($10::text is null or decision = $10)
        and ($11::text is null or code = $11)
        and ($12::text is null or outcome = $12 or ($12 = 'denied' and kind = 'denial'))
        and ($13::text is null or kind = $13)
        and ($14::text is null or "callId" = $14)))
      order by seq`,
    [
      tx.tenantId,
      span.after,
      span.upTo,
      ...[since, until, actor, client, connection, tool, decision, code, outcome, kind, callId].map(
        (value) => value ?? null,
      ),
      starts,
      ends,
      callsSince,
    ],
  );
  return rows;
}
