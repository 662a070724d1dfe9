import {
  clearAttempts,
  findUserByEmail,
  returnAttempt,
  takeAttempt,
  type Db,
  type UserAccount,
} from '@conducktor/db';
import { accountKey, addressKey, PER_ACCOUNT, PER_ADDRESS } from './limits.js';
import { PASSWORD_MAX, type Passwords } from './passwords.js';

export type SignIn =
  | { outcome: 'signed-in'; user: UserAccount }
  | { outcome: 'wrong' }
  | { outcome: 'limited'; retryAfterMs: number };

/**
 * Checks an email and a password. An attempt is taken before the password is looked at and given
 * back when it was right, so attempts made in parallel count too. Unknown accounts are limited, timed
 * and answered like known ones.
 */
export async function signIn(
  deps: { db: Db; passwords: Passwords },
  attempt: { email: string; password: string; ip: string },
): Promise<SignIn> {
  const { db } = deps;
  const email = normaliseEmail(attempt.email);
  const account = accountKey(email);
  const address = addressKey('sign-in', attempt.ip);

  const perAddress = await takeAttempt(db, address, PER_ADDRESS);
  if (perAddress > 0) return { outcome: 'limited', retryAfterMs: perAddress };
  const perAccount = await takeAttempt(db, account, PER_ACCOUNT);
  if (perAccount > 0) return { outcome: 'limited', retryAfterMs: perAccount };

  const user = await findUserByEmail(db, email);
  const password = attempt.password.slice(0, PASSWORD_MAX + 1);
  if (!(await deps.passwords.verify(user?.passwordHash, password)) || !user)
    return { outcome: 'wrong' };

  await Promise.all([clearAttempts(db, account), returnAttempt(db, address, PER_ADDRESS)]);
  return { outcome: 'signed-in', user };
}

/** The form in which addresses are stored and compared. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFKC').toLowerCase();
}
