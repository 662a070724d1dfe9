/** Sessions of legacy clients, as the transports of one gateway process use them. */
import { createHash } from 'node:crypto';
import { openBus, type Bus } from './bus.js';
import { ENDED, Marks } from './marks.js';
import { createPostStreamIds, type PostStreamIds } from './post-stream-ids.js';
import { createSessionIds, type NewSession, type Session } from './session-id.js';
import { createSessionStore, type SessionStore } from './session-store.js';
import { SessionStreams } from './session-streams.js';
import { Waiting } from './waiting.js';

export interface Sessions {
  issue(session: Omit<NewSession, 'epoch'>): string;
  /** `undefined` when the id is malformed, forged, expired, ended, or another principal's. Waits for nothing. */
  verify(id: string, principal: string): Session | undefined;
  /** Here at once, elsewhere as far as Redis is there. */
  end(session: Session, principal: string): Promise<void>;
  /** The least log level that it wants, if it said so. */
  levelOf(session: Session): string | undefined;
  /** Rejects with `RedisAway`. */
  setLevel(session: Session, level: string): Promise<void>;
  readonly store: SessionStore;
  readonly streams: SessionStreams;
  readonly waiting: Waiting;
  readonly postStreamIds: PostStreamIds;
  readonly bus: Bus;
  stop(): void;
}

/** `key`: 32 bytes, `deriveKey(SECRET_KEY, 'sessions')`; gateways with the same key share sessions. */
export function openSessions(options: {
  key: Buffer;
  redisUrl: string;
  now?: () => number;
}): Sessions {
  const ids = createSessionIds(options.key, options.now);
  const namespace = createHash('sha256').update(options.key).digest('base64url').slice(0, 12);
  const bus = openBus(options.redisUrl, namespace);
  const waiting = new Waiting(bus);
  const streams = new SessionStreams(bus, waiting);
  const marks = new Marks(bus, namespace, (id) => streams.end(id));
  const store = createSessionStore(bus, namespace);

  return {
    issue: (session) => ids.issue({ ...session, epoch: store.epoch }),
    verify: (id, principal) => {
      if (marks.get(id) === ENDED) return undefined;
      return ids.verify(id, principal);
    },
    end: async (session, principal) => {
      await Promise.allSettled([marks.set(session.id, ENDED), store.forget(session, principal)]);
    },
    levelOf: (session) => marks.get(session.id),
    setLevel: (session, level) => marks.set(session.id, level),
    store,
    streams,
    waiting,
    postStreamIds: createPostStreamIds(options.key, bus.instance),
    bus,
    stop: () => {
      marks.stop();
      bus.close();
    },
  };
}
