import { Secret, TOTP } from 'otpauth';
import { findTotpSecret, takeTotpStep, type Db } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';

const PERIOD = 30;
/** Steps that a clock may be off, either way (RFC 6238 section 5.2 advises no more). */
const WINDOW = 1;

/** Where an authenticator app's secret is kept; what it is sealed for. */
export const totpPlace = (userId: string) => `totp_factor/${userId}/sealed_secret`;

/** 160 random bits in base 32, as people type it where no camera is at hand. */
export const newTotpSecret = (): string => new Secret({ size: 20 }).base32;

/** What the QR code says: `otpauth://totp/…`. */
export function totpUri(secret: string, email: string): string {
  return totpOf(secret, email).toString();
}

/** The newest time step, by this clock, whose code this is; undefined for a wrong code. */
export function stepOf(secret: string, code: string, now = Date.now()): number | undefined {
  const token = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return undefined;
  const delta = totpOf(secret).validate({ token, timestamp: now, window: WINDOW });
  return delta === null ? undefined : TOTP.counter({ period: PERIOD, timestamp: now }) + delta;
}

/** Uses a code up. False for a wrong one, and for one that was used before or at the same moment. */
export async function takeTotpCode(
  deps: { db: Db; vault: Vault },
  userId: string,
  code: string,
): Promise<boolean> {
  const sealed = await findTotpSecret(deps.db, userId);
  if (!sealed) return false;
  const secret = deps.vault.openForInstall(totpPlace(userId), sealed).toString('utf8');
  const step = stepOf(secret, code);
  return step !== undefined && (await takeTotpStep(deps.db, userId, step));
}

const totpOf = (secret: string, label = '') =>
  new TOTP({ issuer: 'Conducktor', label, secret: Secret.fromBase32(secret), period: PERIOD });
