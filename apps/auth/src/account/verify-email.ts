import {
  changeEmail,
  inTransaction,
  insertMailedLink,
  markEmailVerified,
  useMailedLink,
  voidMailedLinks,
  type Db,
  type InstallationTx,
  type MailedLink,
  type UserAccount,
} from '@conducktor/db';
import { mintInvitation } from '@conducktor/identity';
import {
  addressChangedLetter,
  confirmNewAddressLetter,
  verifyAddressLetter,
} from '@conducktor/mail';
import type { Vault } from '@conducktor/vault';
import { queueLetter } from '../mail/queue-letter.js';

export interface LetterDeps {
  db: Db;
  vault: Vault;
  publicUrl: string;
}

const HOURS = 24;

/** Sends the link by which a person shows that this account's address is theirs. */
export async function sendVerification(
  deps: Pick<LetterDeps, 'vault' | 'publicUrl'>,
  tx: Pick<InstallationTx, 'query'>,
  { id: userId, email }: Pick<UserAccount, 'id' | 'email'>,
): Promise<void> {
  const { publicUrl } = deps;
  const { token, tokenHash } = mintInvitation();
  await insertMailedLink(tx, { kind: 'verify', userId, email, tokenHash, hours: HOURS });
  const url = `${publicUrl}/verify?token=${token}`;
  await queueLetter(deps, tx, verifyAddressLetter({ to: email, publicUrl, url }));
}

/** Sends the link that gives the account another address, to that address. */
export async function sendChange(
  deps: LetterDeps,
  user: UserAccount,
  newAddress: string,
): Promise<void> {
  const { db, publicUrl } = deps;
  const { token, tokenHash } = mintInvitation();
  await inTransaction(db, async (tx) => {
    // One change at a time: the address asked for last is the one that counts.
    await voidMailedLinks(tx, user.id, ['change']);
    const link = { kind: 'change', userId: user.id, email: newAddress, tokenHash } as const;
    await insertMailedLink(tx, { ...link, hours: HOURS });
    const url = `${publicUrl}/verify?token=${token}`;
    const letter = { to: newAddress, publicUrl, oldAddress: user.email, url };
    await queueLetter(deps, tx, confirmNewAddressLetter(letter));
  });
}

export type Confirmed = 'verified' | 'changed' | 'taken' | 'ended';

/**
 * Does what the link is for, once. `taken`: the new address has an account of its own by now. `ended`:
 * the link was used meanwhile, or the account has another address than it was sent to.
 */
export async function confirmAddress(
  deps: LetterDeps,
  link: MailedLink,
  user: UserAccount,
  tokenHash: Buffer,
): Promise<Confirmed> {
  const { db, publicUrl } = deps;
  return inTransaction<Confirmed>(db, async (tx) => {
    if (!(await useMailedLink(tx, tokenHash))) return 'ended';
    if (link.kind === 'verify') {
      return (await markEmailVerified(tx, user.id, link.email)) ? 'verified' : 'ended';
    }
    if (!(await changeEmail(tx, user.id, { from: user.email, to: link.email }))) return 'taken';
    // Letters on their way to the old mailbox open nothing any more.
    await voidMailedLinks(tx, user.id, ['verify', 'reset', 'change']);
    const letter = { to: user.email, publicUrl, newAddress: link.email, at: new Date() };
    await queueLetter(deps, tx, addressChangedLetter(letter));
    return 'changed';
  });
}
