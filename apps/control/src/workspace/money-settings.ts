import { ConducktorError } from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { holdCurrency } from '../price-lists/hold-currency.js';

/**
 * The database must know the zone under this very name: it counts the periods of budgets by it. It reads CET and
 * the like as abbreviations, without summer time.
 */
export async function requireZone(tx: PrismaTx, zone: string): Promise<void> {
  const [row] = await tx.$queryRaw<{ known: boolean }[]>`
    select exists (select from pg_timezone_names where name = ${zone}
       and (name in ('UTC', 'GMT') or name not in (select abbrev from pg_timezone_abbrevs))) as known`;
  if (!row?.known)
    throw new ConducktorError(
      'invalid_request',
      '"zone": must be the IANA name of a zone such as Europe/Berlin.',
    );
}

/** Throws `conflict` for another currency once there was an amount in the one that is: none is converted. */
export async function requireUnpriced(
  tx: PrismaTx,
  tenantId: string,
  currency: string,
): Promise<void> {
  await holdCurrency(tx, tenantId);
  const tenant = await tx.tenant.findUniqueOrThrow({ where: { id: tenantId } });
  if (tenant.currency === currency) return;
  const [row] = await tx.$queryRaw<{ priced: boolean }[]>`
    select exists (select from budget where tenant_id = ${tenantId})
        or exists (select from price_list where tenant_id = ${tenantId})
        or exists (select from tool where tenant_id = ${tenantId} and cost ->> 'kind' <> 'free')
        or exists (select from ledger_entry where tenant_id = ${tenantId})
        or exists (select from held_call where tenant_id = ${tenantId}) as priced`;
  if (row?.priced)
    throw new ConducktorError(
      'conflict',
      `This workspace has budgets, prices or charges in ${tenant.currency}, and amounts are not converted. Use another workspace for ${currency}.`,
    );
}
