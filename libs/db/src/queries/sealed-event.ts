import type { TenantTx } from '../db.js';
import type { AuditConditions, AuditRow } from './audit-event.js';

/** An entry of the sequence as it was sealed; an outcome stands for itself. */
export type SealedRow = Omit<AuditRow, 'kind'> & { kind: AuditRow['kind'] | 'outcome' };

/** The last place of the sequence that is taken; 0 while there is none. */
export async function lastSeq(tx: TenantTx): Promise<number> {
  const { rows } = await tx.query<{ seq: number }>(
    'select coalesce(max(seq), 0)::float8 as seq from audit_event where tenant_id = $1',
    [tx.tenantId],
  );
  return rows[0]!.seq;
}

/** The first place that is still kept; undefined while there is none. */
export async function firstSeq(tx: TenantTx): Promise<number | undefined> {
  const { rows } = await tx.query<{ seq: number | null }>(
    'select min(seq)::float8 as seq from audit_event where tenant_id = $1',
    [tx.tenantId],
  );
  return rows[0]!.seq ?? undefined;
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
  const { since, until, actor, client, connection, tool, decision, code, outcome, kind, callId } =
    conditions;
  const { rows } = await tx.query<SealedRow>(
    `select * from (
       select e.id, e.seq::float8 as seq, e.kind, e.at, coalesce(e.actor, c.actor) as actor,
              coalesce(e.member_id, c.member_id) as "memberId", coalesce(e.client_id, c.client_id) as client,
              coalesce(e.connection, c.connection) as connection, coalesce(e.tool, c.tool) as tool,
              coalesce(e.decision, c.decision) as decision, e.code, e.outcome, e.duration_ms as "durationMs",
              e.cost_micros::float8 as "costMicros", e.call_id as "callId",
              coalesce(e.arguments_hash, c.arguments_hash) as "argumentsHash", e.detail
         from audit_event e
         left join lateral (
           select x.* from audit_event x
            where x.tenant_id = e.tenant_id and x.call_id = e.call_id and x.kind = 'call'
            order by x.seq limit 1) c on e.kind = 'outcome'
        where e.tenant_id = $1 and e.seq > $2 and e.seq <= $3) s
      where ($4::timestamptz is null or at >= $4)
        and ($5::timestamptz is null or at < $5)
        and ($6::text is null or "memberId" = $6 or lower(actor) = lower($6))
        and ($7::text is null or client = $7)
        and ($8::text is null or connection = $8)
        and ($9::text is null or tool = $9)
        and ($10::text is null or decision = $10)
        and ($11::text is null or code = $11)
        and ($12::text is null or outcome = $12 or ($12 = 'denied' and kind = 'denial'))
        and ($13::text is null or kind = $13)
        and ($14::text is null or "callId" = $14)
      order by seq`,
    [
      tx.tenantId,
      span.after,
      span.upTo,
      ...[since, until, actor, client, connection, tool, decision, code, outcome, kind, callId].map(
        (value) => value ?? null,
      ),
    ],
  );
  return rows;
}
