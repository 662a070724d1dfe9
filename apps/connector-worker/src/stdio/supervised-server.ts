import type { UpstreamServer } from '@conducktor/contracts';
import { type ListName, type LoadedConnection, UpstreamFailure } from '../connector.js';
import { StdioSession } from './stdio-session.js';
import type { LaunchPlan } from './launch-plan.js';
import type { Sandbox } from './sandbox.js';
import { StdioWatch } from './stdio-watch.js';

/** A server that ran this long is healthy: its next end counts as the first. */
const HEALTHY_MS = 60_000;
const BACKOFF_MS = { first: 250, most: 30_000 };
/** A call waits this long for a restart that is due rather than fail. */
const PATIENCE_MS = 1_500;
/** Ends in a row after which only a call starts it again. */
const MAX_AUTOMATIC = 5;

export interface SupervisedServerDeps {
  plan: LaunchPlan;
  sandbox: Sandbox;
  handshakeMs: number;
  /** The server of an older revision over the same directory; it must have ended first. */
  after: Promise<void> | undefined;
  /** Something worth a log line; never with output of the server. */
  onEvent(event: string, detail: Record<string, unknown>): void;
  onListChanged(list: ListName): void;
  onServer(server: UpstreamServer): void;
}

/** The server of one connection: started when needed, started again with backoff when it ends by itself. */
export class SupervisedServer {
  #session: StdioSession | undefined;
  #starting: Promise<StdioSession> | undefined;
  #startedAt = 0;
  #failures = 0;
  #notBefore = 0;
  #lastReason = '';
  #restart: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly watch: StdioWatch;
  usedAt = Date.now();

  constructor(
    private readonly deps: SupervisedServerDeps,
    readonly connection: LoadedConnection,
  ) {
    this.watch = new StdioWatch({
      session: () => this.session(),
      running: () => (this.#session?.ended === false ? this.#session : undefined),
      handshakeMs: deps.handshakeMs,
    });
  }

  /** Whether a process stands, or is about to. */
  get occupied(): boolean {
    return this.#starting !== undefined || (this.#session !== undefined && !this.#session.ended);
  }

  get inFlight(): number {
    return this.#session?.inFlight ?? 0;
  }

  /** Whether nobody would miss the process. */
  get idle(): boolean {
    return this.inFlight === 0 && !this.watch.needsServer;
  }

  get pid(): number | undefined {
    return this.#session?.pid;
  }

  /** The running session; rejects with UpstreamFailure when it cannot be had soon. */
  async session(): Promise<StdioSession> {
    this.usedAt = Date.now();
    if (this.#session && !this.#session.ended) return this.#session;
    const wait = this.#notBefore - Date.now();
    if (wait > PATIENCE_MS) {
      throw new UpstreamFailure(
        'unavailable',
        `The server ended (${this.#lastReason}); it is started again in ${Math.ceil(wait / 1000)} s.`,
      );
    }
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    return await this.#start();
  }

  /** Takes no more calls; those under way have `drainMs` to end. */
  async stop(drainMs = 0): Promise<void> {
    this.#stopped = true;
    this.watch.end('The server was stopped.');
    clearTimeout(this.#restart);
    await this.#starting?.catch(() => {});
    for (const until = Date.now() + drainMs; this.inFlight > 0 && Date.now() < until;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#session?.stop('it was stopped');
  }

  #start(): Promise<StdioSession> {
    if (this.#stopped)
      return Promise.reject(new UpstreamFailure('unavailable', 'The server is being stopped.'));
    if (this.#session && !this.#session.ended) return Promise.resolve(this.#session);
    clearTimeout(this.#restart);
    this.#starting ??= this.#launch().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  async #launch(): Promise<StdioSession> {
    const { plan, sandbox, handshakeMs } = this.deps;
    await this.deps.after;
    this.#startedAt = Date.now();
    let session: StdioSession | undefined;
    try {
      session = await StdioSession.start({
        plan,
        sandbox,
        handshakeMs,
        secrets: Object.values(this.connection.env),
        onListChanged: this.deps.onListChanged,
        onUpdated: (params) => this.watch.updated(params),
        onSilenced: () => this.watch.givenUp('The server ended a subscription.'),
        // A server that ends during the handshake never became the session; `start` rejects for it.
        onEnd: (reason) => {
          if (session && this.#session === session) this.#ended(reason);
        },
      });
      const restarted = this.#session !== undefined;
      this.#session = session;
      this.deps.onServer(session.server);
      this.deps.onEvent('Stdio server started', { pid: session.pid });
      if (restarted) void this.watch.restarted(session);
      return session;
    } catch (error) {
      this.#backOff((error as Error).message);
      throw error;
    }
  }

  #ended(reason: string): void {
    if (this.#stopped) return;
    if (Date.now() - this.#startedAt > HEALTHY_MS) this.#failures = 0;
    this.#backOff(reason);
    this.deps.onEvent('Stdio server ended', { reason, failures: this.#failures });
    if (this.#failures > MAX_AUTOMATIC)
      return this.watch.givenUp(`The server keeps ending: ${reason}.`);
    this.#restart = setTimeout(
      () => void this.#start().catch(() => {}),
      this.#notBefore - Date.now(),
    ).unref();
  }

  #backOff(reason: string): void {
    this.#lastReason = reason;
    this.#notBefore =
      Date.now() + Math.min(BACKOFF_MS.first * 2 ** this.#failures++, BACKOFF_MS.most);
  }
}
