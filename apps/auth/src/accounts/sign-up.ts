import { newId } from '@conducktor/contracts';
import { insertUser, type Db, type UserAccount } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import { sendVerification } from '../account/verify-email.js';
import { writeWorkspace } from './new-workspace.js';
import type { Passwords } from './passwords.js';
import type { SignUpForm } from './sign-up-form.js';

export type SignUp =
  | { outcome: 'created'; user: UserAccount; tenantId: string }
  | { outcome: 'refused' };

/**
 * Makes an account, its workspace with the person as owner, the first policy, the workspace's key and
 * the letter that asks to confirm the address, all or nothing. The account can be used at once.
 * `refused`: the address has an account already, invited ones included.
 */
export async function signUp(
  deps: { db: Db; vault: Vault; passwords: Passwords; publicUrl: string },
  form: SignUpForm,
): Promise<SignUp> {
  const user: UserAccount = {
    id: newId('usr'),
    email: form.email,
    displayName: form.name,
    // Before the address is looked up, so that both answers take the same time.
    passwordHash: await deps.passwords.hash(form.password, 'stranger'),
  };
  const tenantId = newId('ten');
  const created = await deps.db.withTenant(tenantId, async (tx) => {
    if (!(await insertUser(tx, user))) return false;
    await writeWorkspace(tx, form.workspace, user);
    await sendVerification(deps, tx, user);
    return true;
  });
  if (!created) return { outcome: 'refused' };
  // Sealing anything makes the workspace's key; now, so that its first call need not.
  await deps.vault.sealForTenant(tenantId, 'sign-up', '');
  return { outcome: 'created', user, tenantId };
}
