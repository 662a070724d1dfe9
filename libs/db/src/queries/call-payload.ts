import type { TenantTx } from '../db.js';
import { placeOf } from './audit-event.js';

/** Where the sealed arguments of a recorded call are, and whether they can still be opened. */
export interface CallPayloadRow {
  id: string;
  at: Date;
  callId: string | null;
  memberId: string | null;
  argumentsHash: string | null;
  /** Null: too large for an event, erased, or there never were any. */
  sealed: Buffer | null;
  /** Larger than an event holds: stored apart. */
  apart: boolean;
  expiredAt: Date | null;
  /** When the key was made that the person's values are sealed under now; null: it was destroyed. */
  keyMadeAt: Date | null;
}

export async function findCallPayload(
  tx: TenantTx,
  eventId: string,
): Promise<CallPayloadRow | undefined> {
  const place = await placeOf(tx, eventId);
  const { rows } = await tx.query<CallPayloadRow>(
    `select e.id, e.at, e.call_id as "callId", e.member_id as "memberId", e.arguments_hash as "argumentsHash",
            coalesce(decode(e.arguments_sealed, 'base64'), b.sealed) as sealed,
            coalesce(e.detail ->> 'argumentsIn' = 'call_body', false) as apart,
            e.payload_erased_at as "expiredAt", k.created_at as "keyMadeAt"
       from audit_event e
       left join call_body b on b.tenant_id = e.tenant_id and b.call_id = e.call_id
        and e.detail ->> 'argumentsIn' = 'call_body'
       left join subject_key k on k.tenant_id = e.tenant_id and k.member_id = e.member_id
      where e.tenant_id = $1 and e.kind <> 'outcome' and e.id = $4 and ${place.condition}`,
    [tx.tenantId, place.starts, place.ends, eventId, ...place.values],
  );
  return rows[0];
}
