import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { newId } from '@conducktor/contracts';

// The row id `key_<id>` and the key `ck_<id>_<secret>` share <id>; base 62 has no underscore, so
// the key parses in one way only. The secret is 32 bytes in base64url.
const KEY = /^ck_([0-9A-Za-z]{22})_([0-9A-Za-z_-]{43})$/;

export interface MintedApiKey {
  /** The row id, `key_…`: safe to show and to log. */
  id: string;
  /** The key itself, shown once and never stored. */
  key: string;
  /** SHA-256 of the secret: what is stored. A plain hash suffices for 256 random bits. */
  secretHash: Buffer;
}

export function mintApiKey(): MintedApiKey {
  const id = newId('key');
  const secret = randomBytes(32).toString('base64url');
  return { id, key: `ck_${id.slice('key_'.length)}_${secret}`, secretHash: hash(secret) };
}

/** The row id and the hash of the secret, or undefined when this is not an API key at all. */
export function parseApiKey(key: string): { id: string; secretHash: Buffer } | undefined {
  const [, id, secret] = KEY.exec(key) ?? [];
  return id && secret ? { id: `key_${id}`, secretHash: hash(secret) } : undefined;
}

/** Compares two hashes in constant time. */
export function sameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
