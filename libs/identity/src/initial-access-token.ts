import { createHash, randomBytes } from 'node:crypto';

// The prefix says what somebody found; behind it are 32 bytes in base64url.
const TOKEN = /^dcr_[0-9A-Za-z_-]{43}$/;

export interface MintedInitialAccessToken {
  /** What registers one client (RFC 7591 section 3), shown once and never stored. */
  token: string;
  /** SHA-256 of the token: what is stored. A plain hash suffices for 256 random bits. */
  tokenHash: Buffer;
}

export function mintInitialAccessToken(): MintedInitialAccessToken {
  const token = `dcr_${randomBytes(32).toString('base64url')}`;
  return { token, tokenHash: hash(token) };
}

/** The hash by which a token is found, or undefined when this is no token at all. */
export function hashInitialAccessToken(token: string): Buffer | undefined {
  return TOKEN.test(token) ? hash(token) : undefined;
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
