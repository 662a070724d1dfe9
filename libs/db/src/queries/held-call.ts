import type { TenantTx } from '../db.js';

/** A call that ended as unknown, with what its sealed record says of it. */
export interface HeldCallRow {
  callId: string;
  at: Date;
  reservedMicros: number;
  budgets: string[];
  calledAt: Date | null;
  tool: string | null;
  connection: string | null;
  memberId: string | null;
  actor: string | null;
  client: string | null;
}

/** By call id. */
export async function listHeldCalls(
  tx: TenantTx,
  page: { after: string | undefined; take: number },
): Promise<HeldCallRow[]> {
  const { rows } = await tx.query<HeldCallRow>(
    `select h.call_id as "callId", h.at, h.reserved_micros::float8 as "reservedMicros",
            array(select b.id from budget b where b.tenant_id = h.tenant_id
                     and b.number in (select unnest(h.accounts) >> 16) order by b.number) as budgets,
            e.at as "calledAt", e.tool, e.connection, e.member_id as "memberId", e.actor, e.client_id as client
       from held_call h
       left join lateral (
         select e.at, e.tool, e.connection, e.member_id, e.actor, e.client_id from audit_event e
          where e.tenant_id = h.tenant_id and e.call_id = h.call_id and e.kind = 'call' limit 1) e on true
      where h.tenant_id = $1 and ($2::text is null or h.call_id collate "C" > $2)
      order by h.call_id collate "C" limit $3`,
    [tx.tenantId, page.after ?? null, page.take],
  );
  return rows;
}

/** What a held call reserved; undefined: nothing is held for it. */
export async function heldMicros(tx: TenantTx, callId: string): Promise<number | undefined> {
  const { rows } = await tx.query<{ reserved: number }>(
    'select reserved_micros::float8 as reserved from held_call where tenant_id = $1 and call_id = $2',
    [tx.tenantId, callId],
  );
  return rows[0]?.reserved;
}

/** Charges so much of it and frees the rest, once: false if somebody did before. `said` is recorded with it. */
export async function reconcileHeldCall(
  tx: TenantTx,
  callId: string,
  costMicros: number,
  said: Record<string, unknown>,
): Promise<boolean> {
  const { rows } = await tx.query<{ done: boolean }>(
    'select reconcile_held_call($1, $2, $3) as done',
    [callId, costMicros, said],
  );
  return rows[0]!.done;
}
