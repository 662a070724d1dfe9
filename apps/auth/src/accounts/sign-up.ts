import { randomBytes } from 'node:crypto';
import { newId } from '@conducktor/contracts';
import {
  insertUser,
  insertWorkspace,
  recordControlEvent,
  takeAttempt,
  type Db,
  type UserAccount,
} from '@conducktor/db';
import { parsePolicy, STARTER_POLICY } from '@conducktor/policy';
import type { Vault } from '@conducktor/vault';
import { addressKey, SIGN_UPS } from './limits.js';
import type { Passwords } from './passwords.js';
import type { SignUpForm } from './sign-up-form.js';

export type SignUp =
  | { outcome: 'created'; user: UserAccount; tenantId: string }
  | { outcome: 'refused' }
  | { outcome: 'limited'; retryAfterMs: number };

/**
 * Makes an account, its workspace with the person as owner, the first policy and the workspace's
 * key, all or nothing. `refused`: the address has an account already, invited ones included.
 */
export async function signUp(
  deps: { db: Db; vault: Vault; passwords: Passwords },
  form: SignUpForm,
  ip: string,
): Promise<SignUp> {
  const wait = await takeAttempt(deps.db, addressKey('sign-up', ip), SIGN_UPS);
  if (wait > 0) return { outcome: 'limited', retryAfterMs: wait };

  const user: UserAccount = {
    id: newId('usr'),
    email: form.email,
    displayName: form.name,
    // Before the address is looked up, so that both answers take the same time.
    passwordHash: await deps.passwords.hash(form.password),
  };
  const tenantId = newId('ten');
  const created = await deps.db.withTenant(tenantId, async (tx) => {
    if (!(await insertUser(tx, user))) return false;
    const memberId = newId('mem');
    await insertWorkspace(tx, {
      slug: slugOf(form.workspace),
      name: form.workspace,
      owner: { memberId, userId: user.id, email: user.email },
      policy: { document: parsePolicy(STARTER_POLICY), source: STARTER_POLICY },
    });
    await recordControlEvent(tx, { action: 'workspace.create', memberId, actor: user.email });
    return true;
  });
  if (!created) return { outcome: 'refused' };
  // Sealing anything makes the workspace's key; now, so that its first call need not.
  await deps.vault.sealForTenant(tenantId, 'sign-up', '');
  return { outcome: 'created', user, tenantId };
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
