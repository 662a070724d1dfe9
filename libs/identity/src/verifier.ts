import { ConducktorError } from '@conducktor/contracts';
import { findApiKey, type Db } from '@conducktor/db';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { parseApiKey, sameHash } from './api-key.js';
import { createTurns } from './in-turn.js';
import { normaliseScopes } from './scopes.js';
import { createSigningKeys } from './signing-keys.js';

// Anybody can make up keys, and each costs a look into Postgres. So strangers get a few of the pool's
// connections and never all: snapshots and revocations are read over the same pool.
const KEY_LOOKUPS = { atOnce: 3, waiting: 2_000 };

/** Who a verified access token speaks for. Whether member and grant still stand is the snapshot's to say. */
export interface TokenClaims {
  tenantId: string;
  memberId: string;
  userId: string;
  clientId: string;
  grantId: string;
  scopes: string[];
  audience: string;
  jti: string;
  /** The `kid` of the key that did. */
  signedBy: string;
  /** Seconds since 1970. */
  iat: number;
  exp: number;
}

/** Who a verified API key speaks for. */
export interface ApiKeyClaims {
  tenantId: string;
  memberId: string;
  userId: string;
  keyId: string;
  scopes: string[];
  /** Seconds since 1970; undefined for a key without expiry. */
  exp: number | undefined;
}

export interface Verifier {
  /**
   * A JWT access token (RFC 9068): ES256, `typ` at+jwt, exact `iss`, `aud` exactly one of `audiences`.
   * Throws ConducktorError `unauthenticated`, or `governance_unavailable` when its key cannot be read.
   */
  verifyAccessToken(jwt: string, audiences: string | readonly string[]): Promise<TokenClaims>;
  /** An API key `ck_…`. Throws ConducktorError as above. One read of Postgres: cache the answer. */
  verifyApiKey(key: string): Promise<ApiKeyClaims>;
  /** Whether a token that was verified before still is, as far as its key goes: asked on every use of it. */
  keyStands(signedBy: string): boolean;
  /**
   * Keeps the signing keys current, so that one taken out of use is refused within a second. The returned
   * function ends it and must run before `db.end()`.
   */
  followKeys(): () => Promise<void>;
}

export function createVerifier(deps: { db: Db; publicUrl: string; now?: () => number }): Verifier {
  const signingKeys = createSigningKeys(deps);
  const now = deps.now ?? Date.now;
  const inTurn = createTurns({ ...KEY_LOOKUPS, full: tooManyKeys });

  return {
    async verifyAccessToken(jwt, audiences) {
      const allowed = typeof audiences === 'string' ? [audiences] : audiences;
      const { payload, protectedHeader } = await jwtVerify(
        jwt,
        async ({ kid }) => {
          const key = kid === undefined ? undefined : await available(() => signingKeys.find(kid));
          if (!key) throw refused('it is not signed by this installation');
          return key;
        },
        {
          algorithms: ['ES256'],
          typ: 'at+jwt',
          issuer: deps.publicUrl,
          currentDate: new Date(now()),
        },
      ).catch((error: unknown) => {
        throw explain(error);
      });
      if (typeof payload.aud !== 'string' || !allowed.includes(payload.aud)) {
        throw refused('the access token was issued for another resource');
      }
      return claimsOf(payload, protectedHeader.kid!);
    },

    async verifyApiKey(key) {
      const parsed = parseApiKey(key);
      if (!parsed) throw unknownKey();
      const row = await inTurn(() => available(() => findApiKey(deps.db, parsed.id)));
      if (!row || !sameHash(row.secretHash, parsed.secretHash)) throw unknownKey();
      if (row.revoked) throw refusedKey('This API key was revoked.');
      if (row.memberDisabled)
        throw refusedKey('The person of this API key has no access any more.');
      if (row.expiresAt && row.expiresAt.getTime() <= now()) {
        throw refusedKey(`This API key expired at ${row.expiresAt.toISOString()}.`);
      }
      return {
        tenantId: row.tenantId,
        memberId: row.memberId,
        userId: row.userId,
        keyId: parsed.id,
        scopes: normaliseScopes(row.scopes),
        exp: row.expiresAt && Math.floor(row.expiresAt.getTime() / 1000),
      };
    },

    keyStands: (signedBy) => signingKeys.stands(signedBy),
    followKeys: () => signingKeys.follow(),
  };
}

function claimsOf(payload: JWTPayload, signedBy: string): TokenClaims {
  const text = (name: string): string => {
    const value = payload[name];
    if (typeof value !== 'string' || value === '')
      throw refused(`the access token lacks \`${name}\``);
    return value;
  };
  if (payload.exp === undefined) throw refused('the access token lacks `exp`');
  return {
    tenantId: text('tenant'),
    memberId: text('member'),
    userId: text('sub'),
    clientId: text('client_id'),
    grantId: text('gid'),
    scopes: normaliseScopes(typeof payload['scope'] === 'string' ? payload['scope'] : ''),
    audience: text('aud'),
    jti: text('jti'),
    signedBy,
    iat: payload.iat ?? 0,
    exp: payload.exp,
  };
}

async function available<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    throw new ConducktorError(
      'governance_unavailable',
      'Who is calling cannot be checked right now. Try again in a moment.',
      { cause },
    );
  }
}

function explain(error: unknown): unknown {
  if (error instanceof ConducktorError) return error;
  if (error instanceof errors.JWTExpired) return refused('the access token has expired');
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'iss') {
    return refused('the access token was issued by someone else');
  }
  if (error instanceof errors.JOSEError) return refused('the access token is not valid');
  return error;
}

function refused(why: string): ConducktorError {
  return new ConducktorError('unauthenticated', `Sign in again: ${why}.`);
}

function refusedKey(sentence: string): ConducktorError {
  return new ConducktorError(
    'unauthenticated',
    `${sentence} Make a new one in the workspace's settings.`,
  );
}

function tooManyKeys(): ConducktorError {
  return new ConducktorError(
    'governance_unavailable',
    'Too many API keys are being checked right now. Try again in a moment.',
  );
}

// One sentence for a key that never was and for one with a wrong secret.
function unknownKey(): ConducktorError {
  return new ConducktorError('unauthenticated', 'Sign in again: this API key is not valid.');
}
