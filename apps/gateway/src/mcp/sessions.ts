/**
 * Legacy sessions without state: the id carries its version, its age and a signature over the person
 * it was given to, so any replica can check it and nobody else can use it. An id grants nothing;
 * every request still brings its own token. It only says which requests belong together, so that a
 * cancellation finds its call.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { LEGACY_VERSIONS } from './versions.js';

/** Ids of a longer-lived client are refused after this; the client then initializes again. */
const LIFETIME_MS = 7 * 24 * 3600 * 1000;
/** Ended ids remembered per process; beyond it the oldest are forgotten, which only revives a name. */
const MAX_ENDED = 50_000;
const ID = /^[A-Za-z0-9_-]{60}$/;

export interface Session {
  id: string;
  protocolVersion: string;
}

export interface Sessions {
  issue(principal: string, protocolVersion: string): string;
  /** `undefined` when the id is malformed, forged, expired, ended, or another principal's. */
  verify(id: string, principal: string): Session | undefined;
  end(session: Session): void;
}

// 1 byte version, 4 bytes minutes since 1970, 16 random bytes, 24 bytes of HMAC-SHA256: 60 characters.
const BODY_BYTES = 21;
const TAG_BYTES = 24;

/** `key`: 32 bytes, `deriveKey(SECRET_KEY, 'sessions')`. */
export function createSessions(key: Buffer, now: () => number = Date.now): Sessions {
  const ended = new Set<string>();
  const tag = (body: Buffer, principal: string) =>
    createHmac('sha256', key)
      .update(body)
      .update(principal, 'utf8')
      .digest()
      .subarray(0, TAG_BYTES);

  return {
    issue(principal, protocolVersion) {
      const body = Buffer.alloc(BODY_BYTES);
      body.writeUInt8((LEGACY_VERSIONS as readonly string[]).indexOf(protocolVersion), 0);
      body.writeUInt32BE(Math.floor(now() / 60_000), 1);
      randomBytes(16).copy(body, 5);
      return Buffer.concat([body, tag(body, principal)]).toString('base64url');
    },
    verify(id, principal) {
      if (!ID.test(id) || ended.has(id)) return undefined;
      const bytes = Buffer.from(id, 'base64url');
      const body = bytes.subarray(0, BODY_BYTES);
      if (!timingSafeEqual(bytes.subarray(BODY_BYTES), tag(body, principal))) return undefined;
      const protocolVersion = LEGACY_VERSIONS[body.readUInt8(0)];
      if (protocolVersion === undefined) return undefined;
      if (now() - body.readUInt32BE(1) * 60_000 > LIFETIME_MS) return undefined;
      return { id, protocolVersion };
    },
    end(session) {
      ended.add(session.id);
      if (ended.size > MAX_ENDED) ended.delete(ended.values().next().value!);
    },
  };
}
