import { insertMail, type InstallationTx, type UserAccount } from '@conducktor/db';
import {
  passwordChangedLetter,
  sealMail,
  secondFactorChangedLetter,
  type Mail,
} from '@conducktor/mail';
import type { LoginDeps } from '../../interactions/login.js';

type Deps = Pick<LoginDeps, 'vault' | 'publicUrl'>;

const queue = (deps: Deps, tx: InstallationTx, mail: Mail) =>
  insertMail(tx, sealMail(deps.vault.sealForInstall, mail));

/** Tells the person, in the transaction that changed the password. */
export async function tellPasswordChanged(
  deps: Deps,
  tx: InstallationTx,
  { email }: UserAccount,
): Promise<void> {
  const letter = { to: email, publicUrl: deps.publicUrl, at: new Date() };
  await queue(deps, tx, passwordChangedLetter(letter));
}

/** Tells the person what else they can, or no longer can, sign in with; in the same transaction. */
export async function tellFactorChanged(
  deps: Deps,
  tx: InstallationTx,
  { email }: UserAccount,
  changed: { change: 'added' | 'removed'; factor: string },
): Promise<void> {
  const letter = { to: email, publicUrl: deps.publicUrl, at: new Date(), ...changed };
  await queue(deps, tx, secondFactorChangedLetter(letter));
}
