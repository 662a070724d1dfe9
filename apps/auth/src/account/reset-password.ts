import {
  clearAttempts,
  endBrowserSessions,
  endSignInsUnderWay,
  forgetUnproven,
  findUserByEmail,
  inTransaction,
  insertMailedLink,
  markEmailVerified,
  setPassword,
  useMailedLink,
  voidMailedLinks,
  type MailedLink,
} from '@conducktor/db';
import { mintInvitation } from '@conducktor/identity';
import { passwordChangedLetter, resetPasswordLetter } from '@conducktor/mail';
import { accountKey } from '../accounts/limits.js';
import type { Passwords } from '../accounts/passwords.js';
import { queueLetter } from '../mail/queue-letter.js';
import { mayWriteTo } from './letter-limits.js';
import type { LetterDeps } from './verify-email.js';

const HOURS = 1;

/**
 * Sends a link to choose a new password to this address, when it has an account and was not written to
 * too often. Says nothing about either, and is not to be waited for by an answer to who asked.
 */
export async function sendReset(deps: LetterDeps, email: string): Promise<void> {
  const { db, publicUrl } = deps;
  // Counted whether there is an account or not, like everything else that is done for both.
  if (!(await mayWriteTo(db, 'reset', email))) return;
  const user = await findUserByEmail(db, email);
  if (!user) return;
  const { token, tokenHash } = mintInvitation();
  await inTransaction(db, async (tx) => {
    const link = { kind: 'reset', userId: user.id, email: user.email, tokenHash } as const;
    await insertMailedLink(tx, { ...link, hours: HOURS });
    const url = `${publicUrl}/login/reset?token=${token}`;
    await queueLetter(deps, tx, resetPasswordLetter({ to: user.email, publicUrl, url }));
  });
}

/**
 * Gives the account of the link this password, once: whoever knew the old one is signed out everywhere,
 * other links to reset are void, and the person hears of it by mail. Second factors, apps and API keys
 * stay (`kept`), unless the address was never confirmed (`cleared`): then whoever set them up may be
 * somebody else. Nobody is signed in. Undefined when the link was used meanwhile, or the account has
 * another address by now.
 */
export async function resetPassword(
  deps: LetterDeps & { passwords: Passwords },
  link: MailedLink,
  tokenHash: Buffer,
  password: string,
): Promise<'kept' | 'cleared' | undefined> {
  const { db, publicUrl } = deps;
  const { userId, email } = link;
  const passwordHash = await deps.passwords.hash(password);
  const changed = await inTransaction(db, async (tx) => {
    if (!(await useMailedLink(tx, tokenHash))) return undefined;
    const appsStay = !(await forgetUnproven(tx, userId, email));
    // Who came here reads this mailbox; a mailbox that is no longer the account's opens nothing.
    if (!(await markEmailVerified(tx, userId, email))) return undefined;
    if (!(await setPassword(tx, userId, passwordHash))) return undefined;
    await voidMailedLinks(tx, userId, ['reset', 'change']);
    await endBrowserSessions(tx, userId);
    await endSignInsUnderWay(tx, userId);
    const letter = { to: email, publicUrl, at: new Date(), appsStay };
    await queueLetter(deps, tx, passwordChangedLetter(letter));
    return appsStay ? 'kept' : 'cleared';
  });
  // Somebody's guesses at the old password do not keep its owner from using the new one.
  if (changed) await clearAttempts(db, accountKey('password', email));
  return changed;
}
