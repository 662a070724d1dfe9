import { hkdfSync } from 'node:crypto';

/** What a key derived from the installation's secret is for; one label, one use. */
export type KeyLabel = 'kek' | 'rpc' | 'cookies' | 'sessions' | 'request-state' | 'list-cursor';

/**
 * A 32-byte key for one use, by HKDF-SHA256 (RFC 5869) from `SECRET_KEY` (base64url, at least 32 bytes).
 */
export function deriveKey(secretKey: string, label: KeyLabel): Buffer {
  const secret = Buffer.from(secretKey, 'base64url');
  if (secret.length < 32) {
    throw new Error('SECRET_KEY must be at least 32 random bytes in base64url.');
  }
  return Buffer.from(hkdfSync('sha256', secret, 'conducktor', label, 32));
}
