import { createHash } from 'node:crypto';
import {
  letterAddresses,
  takeAttempt,
  type Allowance,
  type Db,
  type TenantTx,
} from '@conducktor/db';

/** Letters of one family to one address: thirty at once, then one in two minutes. A page has the rest. */
const PER_ADDRESS: Allowance = { burst: 30, everyMs: 2 * 60_000 };

/** Where letters of this family to these members may go now; each address that is returned is counted. */
export async function allowedAddresses(
  db: Db,
  tx: TenantTx,
  family: 'approval' | 'alert',
  memberIds: string[],
): Promise<string[]> {
  const allowed: string[] = [];
  for (const to of await letterAddresses(tx, memberIds)) {
    const address = createHash('sha256').update(to.toLowerCase()).digest('base64url');
    if ((await takeAttempt(db, `letter/${family}/${address}`, PER_ADDRESS)) === 0) allowed.push(to);
  }
  return allowed;
}
