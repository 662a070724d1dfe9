import { SubscriptionRefused, type UpstreamWatch } from '../connector.js';
import { Subscriptions } from '../mcp/subscriptions.js';
import type { StdioSession } from './stdio-session.js';

/**
 * What is watched at one server process. A URI is subscribed once for the whole process, whoever wants
 * it: whether a person may, was decided before. Lists are listened to as long as the process runs; that
 * alone does not start it.
 */
export class StdioWatch {
  readonly #resources = new Subscriptions();
  readonly #lists = new Subscriptions();

  constructor(
    private readonly deps: {
      session: () => Promise<StdioSession>;
      running: () => StdioSession | undefined;
      handshakeMs: number;
    },
  ) {}

  /** Whether the process must run for it. */
  get needsServer(): boolean {
    return this.#resources.watches.size > 0;
  }

  async add(watch: UpstreamWatch): Promise<void> {
    if (watch.uris.length === 0) return this.#lists.add(watch, async () => {});
    try {
      await this.#resources.add(watch, async (uri) =>
        (await this.deps.session()).subscribe(uri, watch.timeoutMs),
      );
    } catch (error) {
      this.remove(watch);
      throw error;
    }
  }

  remove(watch: UpstreamWatch): void {
    this.#lists.remove(watch);
    for (const uri of this.#resources.remove(watch)) this.deps.running()?.unsubscribe(uri);
  }

  updated(params: Record<string, unknown>): void {
    this.#resources.updated(params);
  }

  /** Another process stands: it knows of no subscription, and its lists may be others. */
  async restarted(session: StdioSession): Promise<void> {
    try {
      for (const uri of this.#resources.uris) await session.subscribe(uri, this.deps.handshakeMs);
      this.#resources.gap();
      this.#lists.gap();
    } catch (error) {
      // A process that ended meanwhile is started again, and so is this.
      if (session.ended) return;
      const refused = error instanceof SubscriptionRefused;
      this.#resources.end(
        refused
          ? 'The server refuses a subscription that it had accepted before.'
          : 'The server did not take up its subscriptions again.',
      );
    }
  }

  end(reason: string): void {
    this.#resources.end(reason);
    this.#lists.end(reason);
  }

  /** The process is not started again by itself, or tells no more: who still wants to hear asks anew. */
  givenUp(reason: string): void {
    this.#resources.end(reason);
  }
}
