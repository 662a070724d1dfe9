import { createHash, randomBytes } from 'node:crypto';
import {
  replaceRecoveryCodes,
  takeRecoveryCode,
  type Db,
  type InstallationTx,
} from '@conducktor/db';

const CODES = 10;
// Crockford's base 32: no letter that reads like a digit.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 16;

/** Ten new codes of 80 random bits in the place of all earlier ones; only their hashes are stored. */
export async function makeRecoveryCodes(tx: InstallationTx, userId: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  await replaceRecoveryCodes(
    tx,
    userId,
    codes.map((code) => hashOf(code)!),
  );
  return codes;
}

/** Uses a code up, however it was typed. False for a wrong one and for one used before. */
export async function takeRecovery(db: Db, userId: string, typed: string): Promise<boolean> {
  const hash = hashOf(typed);
  return hash !== undefined && (await takeRecoveryCode(db, userId, hash));
}

function newCode(): string {
  const plain = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte & 31]).join('');
  return plain.match(/.{4}/g)!.join('-');
}

function hashOf(typed: string): Buffer | undefined {
  const plain = typed
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replaceAll('o', '0')
    .replace(/[il]/g, '1');
  if (plain.length !== LENGTH) return undefined;
  return createHash('sha256').update(plain).digest();
}
