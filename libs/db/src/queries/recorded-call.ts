import type { TenantTx } from '../db.js';
import { boundsOf, sealedMonths } from './sealed-months.js';

/** Of which recorded calls; undefined asks for nothing. */
export interface RecordedCallFilter {
  tool?: string | undefined;
  connection?: string | undefined;
  client?: string | undefined;
  memberId?: string | undefined;
}

/** A call or refusal out of the sequence, without what it was made with. */
export interface RecordedCallRow {
  seq: number;
  id: string;
  kind: 'call' | 'denial';
  at: Date;
  callId: string | null;
  memberId: string | null;
  clientId: string | null;
  connection: string | null;
  tool: string | null;
  decision: string | null;
  code: string | null;
  detail: Record<string, unknown>;
  argumentsHash: string | null;
}

/** Arguments as they are kept: with a call, or with the request for approval that was made instead. */
export interface SealedArgumentsRow {
  seq: number;
  sealed: Buffer | null;
  /** What they are bound to; see `Vault`. */
  place: string | null;
  expired: boolean;
}

/** Calls and refusals with `after` < seq ≤ `upTo`, in order. The span bounds the work. */
export async function recordedCallsBetween(
  tx: TenantTx,
  span: { after: number; upTo: number },
  filter: RecordedCallFilter = {},
): Promise<RecordedCallRow[]> {
  const { starts, ends } = boundsOf(await sealedMonths(tx), span.after + 1, span.upTo);
  const { rows } = await tx.query<RecordedCallRow>(
    `select seq::float8 as seq, id, kind, at, call_id as "callId", member_id as "memberId",
            client_id as "clientId", connection, tool, decision, code, detail, arguments_hash as "argumentsHash"
       from audit_event
      where tenant_id = $1 and seq > $2 and seq <= $3 and kind in ('call', 'denial')
        and ($4::text is null or tool = $4) and ($5::text is null or connection = $5)
        and ($6::text is null or client_id = $6) and ($7::text is null or member_id = $7)
        and sealed_at >= $8::timestamptz and sealed_at < $9::timestamptz
      order by seq`,
    [
      tx.tenantId,
      span.after,
      span.upTo,
      ...[filter.tool, filter.connection, filter.client, filter.memberId].map((x) => x ?? null),
      starts,
      ends,
    ],
  );
  return rows;
}

/** The sealed arguments of these places of the sequence. */
export async function sealedArgumentsOf(
  tx: TenantTx,
  seqs: readonly number[],
): Promise<SealedArgumentsRow[]> {
  if (seqs.length === 0) return [];
  const [first, last] = seqs.reduce(
    ([least, most], seq) => [Math.min(least, seq), Math.max(most, seq)],
    [Infinity, 0],
  );
  const { starts, ends } = boundsOf(await sealedMonths(tx), first, last);
  const { rows } = await tx.query<SealedArgumentsRow>(
    `select e.seq::float8 as seq, coalesce(decode(e.arguments_sealed, 'base64'), b.sealed, a.arguments_sealed) as sealed,
            coalesce('approval/' || a.id, 'call/' || e.call_id) as place,
            e.payload_erased_at is not null as expired
       from audit_event e
       left join call_body b on b.tenant_id = e.tenant_id and b.call_id = e.call_id
        and e.detail ->> 'argumentsIn' = 'call_body'
       left join approval_request a on e.kind = 'denial' and e.arguments_sealed is null and b.sealed is null
        and a.tenant_id = e.tenant_id and a.id = e.detail ->> 'approval' and a.member_id = e.member_id
      where e.tenant_id = $1 and e.seq = any($2::bigint[])
        and e.sealed_at >= $3::timestamptz and e.sealed_at < $4::timestamptz`,
    [tx.tenantId, seqs, starts, ends],
  );
  return rows;
}

/** When the answers of these tools were given, and to whose client, with `after` < seq of the call ≤ `upTo`. */
export async function answersOf(
  tx: TenantTx,
  tools: readonly string[],
  span: { after: number; upTo: number },
): Promise<{ memberId: string; clientId: string; tool: string; at: Date }[]> {
  const { starts, ends } = boundsOf(await sealedMonths(tx), span.after + 1, span.upTo);
  const { rows } = await tx.query<{ memberId: string; clientId: string; tool: string; at: Date }>(
    `select e.member_id as "memberId", e.client_id as "clientId", e.tool, o.at
       from audit_event e
       join lateral (
         select x.at from audit_event x
          where x.tenant_id = e.tenant_id and x.call_id = e.call_id and x.kind = 'outcome'
            and x.outcome in ('ok', 'error') and x.sealed_at >= $5::timestamptz and x.sealed_at >= e.sealed_at
          order by x.seq limit 1) o on true
      where e.tenant_id = $1 and e.seq > $2 and e.seq <= $3 and e.kind = 'call' and e.tool = any($4::text[])
        and e.sealed_at >= $5::timestamptz and e.sealed_at < $6::timestamptz
        -- That was given to approvers, not to the client.
        and not e.detail ? 'previewOf'`,
    [tx.tenantId, span.after, span.upTo, tools, starts, ends],
  );
  return rows;
}

/**
 * The first place of the sequence at or after `since`, as far as events are in the order of time: the
 * sequence has no gaps, so some twenty looks by its key find it among millions. `last` + 1: none is.
 */
export async function seqAt(
  tx: TenantTx,
  since: Date,
  { first, last }: { first: number; last: number },
): Promise<number> {
  const months = await sealedMonths(tx);
  let [low, high] = [first, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { starts, ends } = boundsOf(months, middle, middle);
    const { rows } = await tx.query<{ at: Date }>(
      `select at from audit_event where tenant_id = $1 and seq >= $2
          and sealed_at >= $3::timestamptz and sealed_at < $4::timestamptz order by seq limit 1`,
      [tx.tenantId, middle, starts, ends],
    );
    if (rows[0] && rows[0].at < since) low = middle + 1;
    else high = middle;
  }
  return low;
}
