import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { insertOidcPayload, type Db } from '@conducktor/db';

/** A page may stay open for so long before its button is pressed. */
const SECONDS = 30 * 60;

/** What a passkey is asked for, in which browser. */
export interface Purpose {
  /** The cookie that ties forms to a browser. */
  browser: string;
  purpose: 'sign-in' | 'second-factor' | 'confirm' | 'add';
  /** Whose passkey must answer; left out where the passkey says who it is. */
  userId?: string | undefined;
}

export interface Challenges {
  /** A challenge (WebAuthn section 13.4.3), in base64url. Nothing is stored, however many are asked for. */
  issue(purpose: Purpose): string;
  /** True once, for a challenge issued for just this purpose and browser within half an hour. */
  take(challenge: string, purpose: Purpose): Promise<boolean>;
}

/** Challenges that carry their own proof: 16 random bytes, when they end, and an HMAC of both. */
export function createChallenges(deps: { key: string; db: Db; now?: () => number }): Challenges {
  const now = () => Math.floor((deps.now ?? Date.now)() / 1000);
  const proof = (head: Buffer, { browser, purpose, userId }: Purpose) =>
    createHmac('sha256', deps.key)
      .update(JSON.stringify(['challenge', browser, purpose, userId ?? '']))
      .update(head)
      .digest();

  return {
    issue(purpose) {
      const head = Buffer.alloc(20);
      randomBytes(16).copy(head);
      head.writeUInt32BE(now() + SECONDS, 16);
      return Buffer.concat([head, proof(head, purpose)]).toString('base64url');
    },
    async take(challenge, purpose) {
      const bytes = Buffer.from(challenge, 'base64url');
      if (bytes.length !== 52 || bytes.toString('base64url') !== challenge) return false;
      const head = bytes.subarray(0, 20);
      if (!timingSafeEqual(proof(head, purpose), bytes.subarray(20))) return false;
      const left = head.readUInt32BE(16) - now();
      if (left <= 0) return false;
      return insertOidcPayload(deps.db, {
        kind: 'UsedChallenge',
        id: createHash('sha256').update(bytes).digest('base64url'),
        payload: {},
        expiresInSeconds: left + 60,
      });
    },
  };
}
