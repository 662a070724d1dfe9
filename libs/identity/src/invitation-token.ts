import { createHash, randomBytes } from 'node:crypto';

// 32 bytes in base64url.
const TOKEN = /^[0-9A-Za-z_-]{43}$/;

export interface MintedInvitation {
  /** What the link carries, shown once and never stored. */
  token: string;
  /** SHA-256 of the token: what is stored. A plain hash suffices for 256 random bits. */
  tokenHash: Buffer;
}

export function mintInvitation(): MintedInvitation {
  const token = randomBytes(32).toString('base64url');
  return { token, tokenHash: hash(token) };
}

/** The hash by which an invitation is found, or undefined when this is no token at all. */
export function hashInvitation(token: string): Buffer | undefined {
  return TOKEN.test(token) ? hash(token) : undefined;
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
