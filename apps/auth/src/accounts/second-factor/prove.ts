import type { Db, UserAccount } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import type { Attempt, Attempts } from '../attempts.js';
import type { Challenges, Purpose } from './challenges.js';
import { checkPasskey, methodOf } from './passkeys.js';
import { takeRecovery } from './recovery-codes.js';
import { takeTotpCode } from './totp.js';

export interface ProveDeps {
  db: Db;
  vault: Vault;
  attempts: Attempts;
  challenges: Challenges;
  publicUrl: string;
}

export type Proof =
  /** `method` in the words of RFC 8176. */
  | { outcome: 'proven'; method: 'otp' | 'hwk' | 'swk' }
  | { outcome: 'wrong'; problem: string }
  | { outcome: 'limited'; retryAfterMs: number };

/**
 * Checks the second factor that a form brings, named by its field `with`: `code` of an authenticator
 * app, `recovery` code, or `passkey`. What is right is used up. Codes are counted before they are
 * looked at, so that a leaked password lets nobody guess them; signatures cannot be guessed.
 */
export async function proveSecondFactor(
  deps: ProveDeps,
  user: UserAccount,
  fields: Record<string, string>,
  by: { ip: string; known: Attempt['known']; purpose: Purpose },
): Promise<Proof> {
  if (fields['with'] === 'passkey') {
    const passkey = await checkPasskey(deps, fields['answer'] ?? '', by.purpose);
    return passkey
      ? { outcome: 'proven', method: methodOf(passkey) }
      : { outcome: 'wrong', problem: 'That passkey was not accepted. Try again.' };
  }
  const taken = await deps.attempts.take({
    what: 'code',
    email: user.email,
    ip: by.ip,
    known: by.known,
  });
  if ('retryAfterMs' in taken) return { outcome: 'limited', retryAfterMs: taken.retryAfterMs };
  const isRecovery = fields['with'] === 'recovery';
  const right = isRecovery
    ? await takeRecovery(deps.db, user.id, fields['recovery'] ?? '')
    : await takeTotpCode(deps, user.id, fields['code'] ?? '');
  if (right) {
    await taken.right();
    return { outcome: 'proven', method: 'otp' };
  }
  return {
    outcome: 'wrong',
    problem: isRecovery
      ? 'That recovery code is wrong or was used before.'
      : 'That code is wrong or was used before. Wait for the next one.',
  };
}
