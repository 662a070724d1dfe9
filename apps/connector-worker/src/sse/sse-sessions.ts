import type { CallResult, UpstreamServer } from '@conducktor/contracts';
import { type OutgoingCall, UpstreamFailure } from '../connector.js';
import type { Declared } from '../mcp/capabilities.js';
import { SessionForgotten, SseSession, type SseSessionOptions } from './sse-session.js';

/** Streams kept open to one connection, and of one member: clients differ in what they can be asked. */
const MAX_SESSIONS = { all: 256, member: 8 };

interface Kept {
  memberId: string;
  session: Promise<SseSession>;
  /** Once it stands. */
  open: SseSession | undefined;
}

export type SseSessionsDeps = Omit<SseSessionOptions, 'declared' | 'handshakeMs' | 'onEnd'> & {
  handshakeMs: number;
  slug: string;
  onServer(server: UpstreamServer): void;
  /** Whether this worker has room for one more stream. */
  hasRoom(): boolean;
};

/** The sessions of one connection, by member and by what his client can be asked. */
export class SseSessions {
  /** In the order of their last use. */
  readonly #sessions = new Map<string, Kept>();
  #closed = false;

  constructor(private readonly deps: SseSessionsDeps) {}

  get size(): number {
    return this.#sessions.size;
  }

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    // Twice at most: a second attempt is made only when the first was refused before it could act.
    for (let again = false; ; again = true) {
      const session = await this.open(call.memberId, call.declared, this.deps.handshakeMs);
      if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
      try {
        return await session.call(call);
      } catch (error) {
        if (!(error instanceof SessionForgotten)) throw error;
        this.drop(session);
        if (again)
          throw new UpstreamFailure('protocol', 'The server forgets its sessions at once.');
      }
    }
  }

  open(memberId: string, declared: Declared, ms: number): Promise<SseSession> {
    const key = declared.key === '' ? memberId : `${memberId} ${declared.key}`;
    const known = this.#sessions.get(key);
    if (known) {
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known.session;
    }
    if (this.#closed)
      return Promise.reject(new UpstreamFailure('unavailable', 'The connection was closed.'));
    this.#makeRoom(memberId);
    let kept: Kept | undefined;
    const forget = (): void => {
      if (kept && this.#sessions.get(key) === kept) this.#sessions.delete(key);
    };
    const session = SseSession.open({ ...this.deps, declared, handshakeMs: ms, onEnd: forget });
    this.#sessions.set(key, (kept = { memberId, session, open: undefined }));
    session.then((open) => {
      kept!.open = open;
      this.deps.onServer(open.server);
    }, forget);
    return session;
  }

  /** The server does not know it any more. */
  drop(session: SseSession): void {
    for (const [key, kept] of this.#sessions) if (kept.open === session) this.#sessions.delete(key);
    session.retire();
  }

  /** A session of its own, for listing: it tells nobody of changes, and is closed by whoever opened it. */
  openApart(declared: Declared, ms: number): Promise<SseSession> {
    return SseSession.open({
      ...this.deps,
      declared,
      handshakeMs: ms,
      onListChanged: () => {},
      onEnd: () => {},
    });
  }

  sweep(now: number, idleMs: number): void {
    for (const { open } of this.#sessions.values())
      if (open?.idle && now - open.usedAt > idleMs) open.close();
  }

  close(): void {
    this.#closed = true;
    for (const { session } of this.#sessions.values())
      session.then((one) => one.close()).catch(() => {});
  }

  #makeRoom(memberId: string): void {
    const own = [...this.#sessions.values()].filter((kept) => kept.memberId === memberId);
    const full = this.#sessions.size >= MAX_SESSIONS.all || !this.deps.hasRoom();
    const crowd =
      own.length >= MAX_SESSIONS.member ? own : full ? [...this.#sessions.values()] : undefined;
    if (!crowd) return;
    const idle = crowd.find(({ open }) => open?.idle);
    if (!idle)
      throw new UpstreamFailure(
        'unavailable',
        `Too many sessions with ${this.deps.slug} are in use; the call was not sent.`,
      );
    idle.open!.close();
  }
}
