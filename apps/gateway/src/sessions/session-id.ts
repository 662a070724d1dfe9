/**
 * Ids of legacy sessions. An id carries the version, the client's capabilities and its age, under a
 * signature over them and the person it was given to: any replica can check it, nobody else can use
 * it, and a call needs nothing looked up. An id grants nothing; every request brings its own token.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ClientCapabilities } from '@conducktor/contracts';
import { LEGACY_VERSIONS } from '../mcp/versions.js';
import { capabilitiesOf } from './capability-bits.js';

/** Ids of a longer-lived client are refused after this; the client then initializes again. */
export const SESSION_LIFETIME_MS = 7 * 24 * 3600 * 1000;
/** A session makes many requests: its signature is checked once per process, this many are known. */
const MAX_KNOWN = 10_000;
const ID = /^[A-Za-z0-9_-]{68}$/;

export interface Session {
  readonly id: string;
  readonly protocolVersion: string;
  /** Absent: the client can be asked nothing. */
  readonly capabilities: ClientCapabilities | undefined;
  /** `stream`: of the 2024-11-05 transport; its version and capabilities come with `initialize`. */
  readonly kind: 'http' | 'stream';
  /** The state in Redis that it can rely on; another epoch there means that state was lost. */
  readonly epoch: number;
}

export interface NewSession {
  principal: string;
  protocolVersion: string;
  /** `bitsOf` the client's capabilities. */
  bits: number;
  kind: Session['kind'];
  epoch: number;
}

export interface SessionIds {
  issue(session: NewSession): string;
  /** `undefined` when the id is malformed, forged, expired or another principal's. */
  verify(id: string, principal: string): Session | undefined;
}

// Version 1, minutes since 1970 4, random 16, capabilities 1, kind 1, epoch 4; then HMAC-SHA256 24.
const BODY_BYTES = 27;
const TAG_BYTES = 24;

/** `key`: 32 bytes, `deriveKey(SECRET_KEY, 'sessions')`. */
export function createSessionIds(key: Buffer, now: () => number = Date.now): SessionIds {
  const known = new Map<string, { session: Session; principal: string; until: number }>();
  const tag = (body: Buffer, principal: string) =>
    createHmac('sha256', key)
      .update(body)
      .update(principal, 'utf8')
      .digest()
      .subarray(0, TAG_BYTES);

  return {
    issue({ principal, protocolVersion, bits, kind, epoch }) {
      const body = Buffer.alloc(BODY_BYTES);
      body.writeUInt8((LEGACY_VERSIONS as readonly string[]).indexOf(protocolVersion), 0);
      body.writeUInt32BE(Math.floor(now() / 60_000), 1);
      randomBytes(16).copy(body, 5);
      body.writeUInt8(bits, 21);
      body.writeUInt8(kind === 'stream' ? 1 : 0, 22);
      body.writeUInt32BE(epoch, 23);
      return Buffer.concat([body, tag(body, principal)]).toString('base64url');
    },
    verify(id, principal) {
      const seen = known.get(id);
      if (seen && seen.principal === principal && now() <= seen.until) return seen.session;
      if (!ID.test(id)) return undefined;
      const bytes = Buffer.from(id, 'base64url');
      const body = bytes.subarray(0, BODY_BYTES);
      if (!timingSafeEqual(bytes.subarray(BODY_BYTES), tag(body, principal))) return undefined;
      const protocolVersion = LEGACY_VERSIONS[body.readUInt8(0)];
      if (protocolVersion === undefined) return undefined;
      const until = body.readUInt32BE(1) * 60_000 + SESSION_LIFETIME_MS;
      if (now() > until) return undefined;
      const session: Session = {
        id,
        protocolVersion,
        capabilities: capabilitiesOf(body.readUInt8(21)),
        kind: body.readUInt8(22) === 1 ? 'stream' : 'http',
        epoch: body.readUInt32BE(23),
      };
      if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!);
      known.set(id, { session, principal, until });
      return session;
    },
  };
}
