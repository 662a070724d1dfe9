/**
 * What a legacy session asked us to remember: the resources it subscribed to, and that it had an event
 * stream. Kept in Redis, under keys that include tenant and person, so that any gateway can go on after
 * another was lost. Redis itself may be lost: an epoch, kept beside the state and carried by every
 * session id, tells "nothing was remembered" from "it was forgotten", and the session then ends.
 */
import { createHash, randomBytes } from 'node:crypto';
import { needed, type Bus } from './bus.js';
import { SESSION_LIFETIME_MS, type Session } from './session-id.js';

export const MAX_SUBSCRIPTIONS = 100;
/** Bytes; longer ones cannot be remembered. */
export const MAX_URI_BYTES = 2_048;
/** Of one person and client; when there are more, the oldest is forgotten. */
const MAX_SESSIONS = 200;
const TTL_SECONDS = SESSION_LIFETIME_MS / 1000;

/** The session relied on state that is not there any more; the client must initialize again. */
export class SessionLost extends Error {
  override name = 'SessionLost';
}

export interface SessionStore {
  /** For new sessions; 0 while Redis was never reached. */
  readonly epoch: number;
  /**
   * Remembers that it had a stream. Whether it had one or subscriptions before: something may have been
   * missed since. `RedisAway`, `SessionLost`.
   */
  openStream(session: Session, principal: string): Promise<boolean>;
  /** The resources it is subscribed to. `RedisAway`, `SessionLost`. */
  uris(session: Session, principal: string): Promise<string[]>;
  /** `known`: it was there before; `full`: it has `MAX_SUBSCRIPTIONS`. `RedisAway`, `SessionLost`. */
  addUri(session: Session, principal: string, uri: string): Promise<'added' | 'known' | 'full'>;
  removeUri(session: Session, principal: string, uri: string): Promise<void>;
  forget(session: Session, principal: string): Promise<void>;
  /** What `initialize` said on a 2024-11-05 stream. */
  keepHandshake(session: Session, principal: string, handshake: Handshake): Promise<void>;
  handshake(session: Session, principal: string): Promise<Handshake | undefined>;
}

export interface Handshake {
  protocolVersion: string;
  bits: number;
}

export function createSessionStore(bus: Bus, namespace: string): SessionStore {
  const { redis } = bus;
  const prefix = `mcp:${namespace}:`;
  let epoch = 0;
  const ownerKey = (what: string, principal: string) =>
    `${prefix}${what}:${createHash('sha256').update(principal).digest('base64url').slice(0, 22)}`;
  const keyOf = (what: string, { id }: Pick<Session, 'id'>, principal: string) =>
    `${ownerKey(what, principal)}:${id}`;

  /** Counts the session among those of its person. Whether it was counted before. */
  const remember = async (session: Session, principal: string): Promise<boolean> => {
    const key = ownerKey('sessions', principal);
    const added = await redis.zadd(key, 'NX', Date.now(), session.id);
    await redis.expire(key, TTL_SECONDS);
    if (Number(added) === 0) return true;
    const over = (await redis.zcard(key)) - MAX_SESSIONS;
    const oldest = over > 0 ? await redis.zpopmin(key, over) : [];
    // Members and scores by turns.
    for (let at = 0; at < oldest.length; at += 2)
      await redis.del(keyOf('uris', { id: oldest[at]! }, principal));
    return false;
  };

  const learnEpoch = async (): Promise<void> => {
    const fresh = randomBytes(4).readUInt32BE(0) || 1;
    await redis.set(`${prefix}epoch`, String(fresh), 'NX');
    const now = Number(await redis.get(`${prefix}epoch`));
    if (now === epoch) return;
    epoch = now;
    // Sessions begun under the old one would be lost at once.
    await bus.publish('epoch', String(epoch));
  };
  bus.listenWhenUp('epoch', (text) => (epoch = Number(text)));
  bus.onUp(() => void learnEpoch().catch(() => {}));

  const check = async (session: Session, found: string | null): Promise<void> => {
    if (found !== null && Number(found) === session.epoch) return;
    await learnEpoch().catch(() => {});
    throw new SessionLost('What this session asked to be remembered was lost.');
  };

  return {
    get epoch() {
      return epoch;
    },
    openStream: async (session, principal) => {
      await check(session, await needed(redis.get(`${prefix}epoch`)));
      return needed(remember(session, principal));
    },
    uris: async (session, principal) => {
      const key = keyOf('uris', session, principal);
      const [found, uris] = await needed(
        Promise.all([redis.get(`${prefix}epoch`), redis.smembers(key)]),
      );
      await check(session, found);
      return uris;
    },
    addUri: async (session, principal, uri) => {
      const key = keyOf('uris', session, principal);
      await check(session, await needed(redis.get(`${prefix}epoch`)));
      await needed(remember(session, principal));
      const added = await needed(redis.sadd(key, uri));
      await needed(redis.expire(key, TTL_SECONDS));
      if (added === 0) return 'known';
      if ((await needed(redis.scard(key))) <= MAX_SUBSCRIPTIONS) return 'added';
      await needed(redis.srem(key, uri));
      return 'full';
    },
    removeUri: async (session, principal, uri) => {
      await needed(redis.srem(keyOf('uris', session, principal), uri));
    },
    forget: async (session, principal) => {
      const keys = ['uris', 'handshake'].map((what) => keyOf(what, session, principal));
      await needed(redis.del(...keys));
      await needed(redis.zrem(ownerKey('sessions', principal), session.id));
    },
    keepHandshake: async (session, principal, { protocolVersion, bits }) => {
      const key = keyOf('handshake', session, principal);
      await needed(redis.set(key, `${protocolVersion} ${bits}`, 'EX', TTL_SECONDS));
    },
    handshake: async (session, principal) => {
      const text = await needed(redis.get(keyOf('handshake', session, principal)));
      const [protocolVersion, bits] = text?.split(' ') ?? [];
      return protocolVersion === undefined ? undefined : { protocolVersion, bits: Number(bits) };
    },
  };
}
