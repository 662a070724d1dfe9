import type { TenantTx } from '../db.js';

export interface AuditFilter {
  /** Events before this sequence number. */
  before: number | undefined;
  limit: number;
  since: string | undefined;
  until: string | undefined;
  /** Member id, or the actor as recorded. */
  actor: string | undefined;
  tool: string | undefined;
  /** `denied`, or the outcome of a call. */
  outcome: string | undefined;
  callId: string | undefined;
}

export interface AuditRow {
  id: string;
  seq: number;
  kind: 'call' | 'denial' | 'control';
  at: Date;
  actor: string | null;
  memberId: string | null;
  client: string | null;
  connection: string | null;
  tool: string | null;
  decision: string | null;
  code: string | null;
  outcome: string | null;
  durationMs: number | null;
  costMicros: number;
  callId: string | null;
  argumentsHash: string | null;
  detail: Record<string, unknown>;
}

/** Sealed events, newest first; a call comes as one row together with its outcome. */
export async function listAuditEvents(tx: TenantTx, filter: AuditFilter): Promise<AuditRow[]> {
  const { rows } = await tx.query<AuditRow>(
    `select e.id, e.seq::float8 as seq, e.kind, e.at, e.actor, e.member_id as "memberId",
            e.client_id as client, e.connection, e.tool, e.decision, coalesce(o.code, e.code) as code,
            o.outcome, o.duration_ms as "durationMs", coalesce(o.cost_micros, 0)::float8 as "costMicros",
            e.call_id as "callId", e.arguments_hash as "argumentsHash", e.detail
       from audit_event e
       left join lateral (
         select x.outcome, x.code, x.duration_ms, x.cost_micros from audit_event x
          where x.tenant_id = e.tenant_id and x.call_id = e.call_id and x.kind = 'outcome'
          order by x.seq limit 1) o on e.kind = 'call'
      where e.tenant_id = $1 and e.kind <> 'outcome'
        and ($2::bigint is null or e.seq < $2)
        and ($3::timestamptz is null or e.at >= $3)
        and ($4::timestamptz is null or e.at < $4)
        and ($5::text is null or e.member_id = $5 or lower(e.actor) = lower($5))
        and ($6::text is null or e.tool = $6)
        and ($7::text is null or o.outcome = $7 or ($7 = 'denied' and e.decision = 'deny'))
        and ($8::text is null or e.call_id = $8)
      order by e.seq desc limit $9`,
    [
      tx.tenantId,
      filter.before ?? null,
      filter.since ?? null,
      filter.until ?? null,
      filter.actor ?? null,
      filter.tool ?? null,
      filter.outcome ?? null,
      filter.callId ?? null,
      filter.limit,
    ],
  );
  return rows;
}
