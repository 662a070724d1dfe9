import { SubscriptionRefused, UpstreamFailure, type UpstreamWatch } from '../connector.js';
import { Subscriptions } from '../mcp/subscriptions.js';
import { type Declared, NOTHING } from '../mcp/capabilities.js';
import type { HttpReply } from './http-exchange.js';
import { isSessionLost } from './legacy-session.js';

const BACKOFF_MS = { first: 250, most: 30_000 };
/** Attempts in a row after which whoever listens must ask again: it may be another server by now. */
const MAX_FAILURES = 8;
/** A session that is lost sooner counts as a failure: a server may give out sessions and drop them. */
const HEALTHY_MS = 60_000;
const UNSUBSCRIBE_MS = 5_000;

/** Whoever takes up a URI that is just being left waits: of two requests at once either may come first. */
const leaving = new WeakMap<WatchedSession, Map<string, Promise<unknown>>>();

/** A session with a legacy server by whatever transport. */
export interface WatchedSession {
  /** Undefined where losing it is told by its stream. */
  readonly id?: string | undefined;
  /** Watches that need it; it is not ended while there are any. */
  held: number;
  onUpdated: ((params: Record<string, unknown>) => void) | undefined;
  onGap: (() => void) | undefined;
  onLost: (() => void) | undefined;
  /** Opens the stream outside of calls, once. False: the server has none. */
  listen(): Promise<boolean>;
  request(
    method: string,
    params: Record<string, unknown>,
    ms: number,
  ): Promise<Pick<HttpReply, 'status' | 'answer'>>;
}

export interface SessionPool<S extends WatchedSession> {
  open(memberId: string, declared: Declared, ms: number): Promise<S>;
  /** The server does not know it any more. */
  drop(session: S): void;
}

/** What is watched in the session of one member, or of none: kept up over streams and sessions that end. */
export class LegacyWatch<S extends WatchedSession = WatchedSession> {
  readonly #subscriptions = new Subscriptions();
  #session: S | undefined;
  #attaching: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(
    private readonly sessions: SessionPool<S>,
    private readonly memberId: string,
    private readonly handshakeMs: number,
  ) {}

  get empty(): boolean {
    return this.#subscriptions.watches.size === 0;
  }

  /** A group that was left is not taken up again. */
  get closed(): boolean {
    return this.#closed;
  }

  async add(watch: UpstreamWatch): Promise<void> {
    try {
      // Counted from now on, so that nobody closes what it waits for.
      const ready = this.#subscriptions.add(watch, async (uri) => {
        await this.#attach();
        await this.#subscribe(uri, watch.timeoutMs);
      });
      await Promise.all([ready, this.#attach()]);
    } catch (error) {
      this.remove(watch);
      throw error;
    }
  }

  remove(watch: UpstreamWatch): void {
    const left = this.#subscriptions.remove(watch);
    if (this.#session) for (const uri of left) unsubscribe(this.#session, uri);
    if (this.empty) this.close();
  }

  end(reason: string): void {
    this.close();
    this.#subscriptions.end(reason);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#detach();
  }

  #attach(): Promise<void> {
    if (this.#session) return Promise.resolve();
    this.#attaching ??= this.#open().finally(() => (this.#attaching = undefined));
    return this.#attaching;
  }

  /** Takes the member's session, and its stream before anything is subscribed, so that nothing is missed. */
  async #open(): Promise<void> {
    const session = await this.sessions.open(this.memberId, NOTHING, this.handshakeMs);
    session.held++;
    const open = await session.listen();
    if (this.#closed) return void session.held--;
    if (!open && this.memberId !== '') {
      session.held--;
      throw new UpstreamFailure(
        'protocol',
        'The server has no stream on which it could tell of changes.',
      );
    }
    this.#session = session;
    const openedAt = Date.now();
    session.onUpdated = (params) => this.#subscriptions.updated(params);
    session.onGap = () => this.#subscriptions.gap();
    session.onLost = () => {
      this.sessions.drop(session);
      if (this.#session !== session) return;
      this.#detach();
      if (Date.now() - openedAt > HEALTHY_MS) this.#failures = 0;
      this.#again();
    };
  }

  #detach(): void {
    const session = this.#session;
    if (!session) return;
    this.#session = undefined;
    session.held--;
    session.onUpdated = session.onGap = session.onLost = undefined;
  }

  /** The session was lost: everything is subscribed again in a new one, until that succeeds. */
  #again(): void {
    if (this.#closed) return;
    if (this.#failures >= MAX_FAILURES) return this.end('The server cannot be reached any more.');
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
    const resubscribe = (): void =>
      void this.#resubscribe().then(
        () => this.#subscriptions.gap(),
        (error: unknown) => {
          if (error instanceof SubscriptionRefused)
            return this.end('The server refuses a subscription that it had accepted before.');
          this.#detach();
          this.#again();
        },
      );
    clearTimeout(this.#retry);
    // Jitter, so that all members' sessions do not come back to a restarted server in step.
    this.#retry = setTimeout(resubscribe, wait * (0.5 + Math.random() / 2)).unref();
  }

  async #resubscribe(): Promise<void> {
    await this.#attach();
    for (const uri of this.#subscriptions.uris) await this.#subscribe(uri, this.handshakeMs);
  }

  async #subscribe(uri: string, ms: number, again = false): Promise<void> {
    const session = this.#session;
    if (!session) throw new UpstreamFailure('unavailable', 'The watch was ended.');
    await leaving.get(session)?.get(uri);
    const reply = await session.request('resources/subscribe', { uri }, ms);
    if (isSessionLost(reply, session) && !again) {
      this.sessions.drop(session);
      await this.#attach();
      return this.#subscribe(uri, ms, true);
    }
    const { answer } = reply;
    if (!answer)
      throw new UpstreamFailure('unavailable', `The server answered HTTP ${reply.status}.`);
    if (answer.kind === 'error') throw new SubscriptionRefused(answer.error);
  }
}

function unsubscribe(session: WatchedSession, uri: string): void {
  const uris = leaving.get(session) ?? new Map<string, Promise<unknown>>();
  leaving.set(session, uris);
  const left = session
    .request('resources/unsubscribe', { uri }, UNSUBSCRIBE_MS)
    .catch(() => {})
    .finally(() => uris.get(uri) === left && uris.delete(uri));
  uris.set(uri, left);
}
