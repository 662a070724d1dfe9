import type { HeldCallView, PageQuery } from '@conducktor/contracts';
import { listHeldCalls as list, type HeldCallRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';

export async function listHeldCalls(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  query: PageQuery,
): Promise<Page<HeldCallView>> {
  const page = await pageBy(
    query,
    (row: HeldCallRow) => row.callId,
    (after, take) => db.withTenant(tenantId, (tx) => list(tx, { after, take })),
  );
  return {
    ...page,
    items: page.items.map(({ at, calledAt, ...row }) => ({
      ...row,
      at: at.toISOString(),
      calledAt: calledAt?.toISOString() ?? null,
    })),
  };
}
