import type { InstallationTx, UserAccount } from '@conducktor/db';
import {
  passwordChangedLetter,
  passwordKnownLetter,
  secondFactorChangedLetter,
} from '@conducktor/mail';
import type { LoginDeps } from '../../interactions/login.js';
import { queueLetter } from '../../mail/queue-letter.js';

type Deps = Pick<LoginDeps, 'vault' | 'publicUrl'>;
type Tx = Pick<InstallationTx, 'query'>;

const letterTo = ({ email }: UserAccount, { publicUrl }: Deps) => ({
  to: email,
  publicUrl,
  at: new Date(),
});

/** Tells the person, in the transaction that changed the password. */
export async function tellPasswordChanged(deps: Deps, tx: Tx, user: UserAccount): Promise<void> {
  await queueLetter(deps, tx, passwordChangedLetter({ ...letterTo(user, deps), appsStay: true }));
}

/** Tells the person what else they can, or no longer can, sign in with; in the same transaction. */
export async function tellFactorChanged(
  deps: Deps,
  tx: Tx,
  user: UserAccount,
  changed: { change: 'added' | 'removed'; factor: string },
): Promise<void> {
  await queueLetter(deps, tx, secondFactorChangedLetter({ ...letterTo(user, deps), ...changed }));
}

/** Tells the person, once a day at most, that a stranger who has the password guesses at codes. */
export async function tellPasswordKnown(deps: Deps, tx: Tx, user: UserAccount): Promise<void> {
  const letter = letterTo(user, deps);
  const day = letter.at.toISOString().slice(0, 10);
  await queueLetter(deps, tx, passwordKnownLetter(letter), `password-known/${user.id}/${day}`);
}
