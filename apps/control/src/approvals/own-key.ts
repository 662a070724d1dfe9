import { ConducktorError } from '@conducktor/contracts';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';

/**
 * Throws `forbidden` for an API key that somebody else made for its person: whoever made it may hold it
 * still, and would vote, give a vote away, or make keys for others, in that person's name besides their own. Who made a key never
 * changes, so this is asked before any transaction.
 */
export async function requireOwnKey(
  { db }: Pick<Control, 'db'>,
  { tenantId, memberId, via, clientId }: Caller,
): Promise<void> {
  if (via === 'session') return;
  const { rows } = await db.withTenant(tenantId, (tx) =>
    tx.query<{ by: string | null }>(
      'select created_by as by from api_key where tenant_id = $1 and id = $2',
      [tenantId, clientId],
    ),
  );
  const madeBy = rows[0]?.by ?? memberId;
  if (madeBy !== memberId)
    throw new ConducktorError(
      'forbidden',
      'Permission denied: somebody else made the API key that this comes with. Use one that you made yourself, or sign in on the page.',
    );
}
