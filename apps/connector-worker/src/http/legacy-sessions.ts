import type { CallResult, UpstreamServer } from '@conducktor/contracts';
import { type OutgoingCall, UpstreamFailure } from '../connector.js';
import { type Declared, NOTHING } from '../mcp/capabilities.js';
import type { Message } from '../mcp/messages.js';
import { callResultOf, failed, tooLarge } from '../mcp/results.js';
import { withoutAnswer } from './failures.js';
import { isSessionLost, LegacySession, type LegacySessionDeps } from './legacy-session.js';

type Answer = Extract<Message, { kind: 'result' | 'error' }>;

interface Kept {
  memberId: string;
  session: Promise<LegacySession>;
  /** Once it stands. */
  open: LegacySession | undefined;
}

/** Of one connection, and of one member in it: clients differ in what they can be asked. */
const MAX_SESSIONS = { all: 1_000, member: 8 };
const IDLE_MS = 30 * 60_000;
/** A session keeps its stream this long; each one is a connection. */
const REST_MS = 5 * 60_000;

/**
 * Sessions of one legacy Streamable HTTP server (2025-03-26 to 2025-11-25), one for each member and
 * set of client capabilities, so that what a server remembers of one person is never seen by another
 * and nobody is asked what his client cannot show.
 */
export class LegacySessions {
  readonly #sessions = new Map<string, Kept>();

  constructor(private readonly deps: LegacySessionDeps) {}

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    // A session that the server has forgotten is made anew, once: it refused before it could act.
    for (let again = false; ; again = true) {
      const session = await this.open(call.memberId, call.declared, this.deps.handshakeMs);
      const preparing = session.prepare(call);
      if (preparing) await preparing;
      call.event('session ready');
      if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
      const reply = await session.call(call);
      if (!again && isSessionLost(reply, session)) {
        this.drop(session);
        call.event('session lost');
        continue;
      }
      if (reply.answer) return callResultOf(reply.answer, call, 'legacy');
      if (reply.tooLarge) return tooLarge();
      const failure = withoutAnswer(reply);
      if (failure.kind === 'unknown') throw failure;
      return failed(failure.message, { httpStatus: reply.status });
    }
  }

  /** A request of our own in a member's session, or in that of none (''), which declares nothing. */
  async request(
    memberId: string,
    method: string,
    params: Record<string, unknown>,
    ms: number,
  ): Promise<Answer> {
    const until = Date.now() + ms;
    for (let again = false; ; again = true) {
      const session = await this.open(memberId, NOTHING, ms);
      const reply = await session.request(method, params, until - Date.now());
      if (!again && isSessionLost(reply, session)) {
        this.drop(session);
        continue;
      }
      if (!reply.answer) throw withoutAnswer(reply);
      return reply.answer;
    }
  }

  async server(ms: number): Promise<UpstreamServer> {
    return (await this.open('', NOTHING, ms)).server;
  }

  open(memberId: string, declared: Declared, ms: number): Promise<LegacySession> {
    const key = declared.key === '' ? memberId : `${memberId} ${declared.key}`;
    const known = this.#sessions.get(key);
    if (known) return known.session;
    this.#makeRoom(memberId);
    const kept: Kept = {
      memberId,
      session: LegacySession.open(this.deps, declared, ms),
      open: undefined,
    };
    this.#sessions.set(key, kept);
    kept.session.then(
      (session) => {
        kept.open = session;
        this.deps.onServer(session.server);
      },
      () => this.#sessions.get(key) === kept && this.#sessions.delete(key),
    );
    return kept.session;
  }

  /** The server does not know it any more. Unless another call has made a new one meanwhile. */
  drop(lost: LegacySession): void {
    for (const [key, kept] of this.#sessions) {
      if (kept.open !== lost) continue;
      this.#sessions.delete(key);
      lost.forget();
    }
  }

  /** Ends the session that belongs to no member: what is asked next is asked afresh. */
  forgetOwn(): void {
    const kept = this.#sessions.get('');
    if (kept?.open && kept.open.held === 0) this.#end('', kept);
  }

  /** Ends sessions that were not used for long, and before that their streams. */
  sweep(now: number): void {
    for (const [key, kept] of this.#sessions) {
      if (!kept.open?.idle) continue;
      const unused = now - kept.open.usedAt;
      if (unused > IDLE_MS) this.#end(key, kept);
      else if (unused > REST_MS) kept.open.rest();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.allSettled(all.map(({ session }) => session.then((one) => one.end())));
  }

  #makeRoom(memberId: string): void {
    const own = [...this.#sessions].filter(([, kept]) => kept.memberId === memberId);
    const crowd =
      own.length >= MAX_SESSIONS.member
        ? own
        : this.#sessions.size >= MAX_SESSIONS.all
          ? [...this.#sessions]
          : undefined;
    if (!crowd) return;
    const [oldest] = crowd
      .filter(([, kept]) => kept.open?.idle)
      .sort(([, a], [, b]) => a.open!.usedAt - b.open!.usedAt);
    if (!oldest)
      throw new UpstreamFailure(
        'unavailable',
        'Too many sessions with the server are in use; the call was not sent.',
      );
    this.#end(...oldest);
  }

  #end(key: string, kept: Kept): void {
    this.#sessions.delete(key);
    void kept.session.then((session) => session.end()).catch(() => {});
  }
}
