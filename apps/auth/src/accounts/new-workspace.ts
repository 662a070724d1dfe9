import { randomBytes } from 'node:crypto';
import { newId } from '@conducktor/contracts';
import {
  insertWorkspace,
  recordControlEvent,
  type TenantTx,
  type UserAccount,
} from '@conducktor/db';
import { parsePolicy, STARTER_POLICY } from '@conducktor/policy';

/** Writes the workspace that `tx` is bound to: with this person as owner, and the first policy. */
export async function writeWorkspace(
  tx: TenantTx,
  name: string,
  owner: Pick<UserAccount, 'id' | 'email'>,
): Promise<void> {
  const memberId = newId('mem');
  await insertWorkspace(tx, {
    slug: slugOf(name),
    name,
    owner: { memberId, userId: owner.id, email: owner.email },
    policy: { document: parsePolicy(STARTER_POLICY), source: STARTER_POLICY },
  });
  await recordControlEvent(tx, { action: 'workspace.create', memberId, actor: owner.email });
}

/** A readable slug that says nothing about whether the same name is taken. */
function slugOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 24)
    .replace(/-+$/, '');
  const suffix = randomBytes(4).toString('hex');
  return words ? `${words}-${suffix}` : suffix;
}
