import type { PrismaTx } from '@conducktor/db';

/** Prices are written one after the other, and the workspace's currency stays as it is meanwhile. */
export async function holdCurrency(tx: PrismaTx, tenantId: string): Promise<void> {
  await tx.$queryRaw`select from tenant where id = ${tenantId} for no key update`;
}
