import { findUser, findUserByEmail, type Db, type UserAccount } from '@conducktor/db';
import type { Attempts } from './attempts.js';
import { PASSWORD_MAX } from './password-rules.js';
import type { Passwords } from './passwords.js';

/** `right`: the password is. Whether that suffices is for {@link secondFactorsOf} to say. */
export type SignIn =
  | { outcome: 'right'; user: UserAccount }
  | { outcome: 'wrong' }
  | { outcome: 'limited'; retryAfterMs: number };

/**
 * Checks an email and a password. Unknown accounts are limited, timed and answered like known ones.
 * `knownAs` is this browser's name for an account that signed in with it before.
 */
export async function signIn(
  deps: { db: Db; passwords: Passwords; attempts: Attempts },
  attempt: {
    email: string;
    password: string;
    ip: string;
    knownAs: (user: UserAccount) => string | undefined;
  },
): Promise<SignIn> {
  const email = normaliseEmail(attempt.email);
  const user = await findUserByEmail(deps.db, email);
  const browser = user && attempt.knownAs(user);
  const known = user && browser ? { userId: user.id, browser } : undefined;

  const taken = await deps.attempts.take({ what: 'password', email, ip: attempt.ip, known });
  if ('retryAfterMs' in taken) return { outcome: 'limited', retryAfterMs: taken.retryAfterMs };

  const password = attempt.password.slice(0, PASSWORD_MAX + 1);
  const turn = known ? 'known' : 'stranger';
  if (!(await deps.passwords.verify(user?.passwordHash, password, turn)) || !user)
    return { outcome: 'wrong' };
  // It may have been changed, and everybody signed out, while this attempt waited for its turn.
  const now = await findUser(deps.db, user.id);
  if (now?.passwordHash !== user.passwordHash) return { outcome: 'wrong' };
  await taken.right();
  return { outcome: 'right', user };
}

/** The form in which addresses are stored and compared. */
export function normaliseEmail(email: string): string {
  return email.trim().normalize('NFKC').toLowerCase();
}
