import type { UpstreamWatch } from '../connector.js';
import type { Era } from './era.js';
import type { LegacySession } from './legacy-session.js';
import type { LegacySessions } from './legacy-sessions.js';
import { LegacyWatch } from './legacy-watch.js';
import { ModernWatch, type ModernWatchDeps } from './modern-watch.js';

type Group = LegacyWatch<LegacySession> | ModernWatch;

/** Who listens to one upstream: the watches of each member together, in what its era has for them. */
export class HttpWatches {
  /** By member; '' for who listens to the lists alone. */
  readonly #groups = new Map<string, Group>();
  readonly #watches = new Map<UpstreamWatch, Group>();

  constructor(private readonly deps: ModernWatchDeps & { sessions: LegacySessions }) {}

  get any(): boolean {
    return this.#watches.size > 0;
  }

  /** Rejects as Connector.watch does. */
  async add(watch: UpstreamWatch, era: Era): Promise<void> {
    let group = this.#groups.get(watch.memberId);
    if (!group || group.closed) {
      group =
        era === 'legacy'
          ? new LegacyWatch(this.deps.sessions, watch.memberId, this.deps.handshakeMs)
          : new ModernWatch(this.deps, watch.memberId);
      this.#groups.set(watch.memberId, group);
    }
    this.#watches.set(watch, group);
    try {
      await group.add(watch);
    } catch (error) {
      this.remove(watch);
      throw error;
    }
  }

  remove(watch: UpstreamWatch): void {
    const group = this.#watches.get(watch);
    if (!group) return;
    this.#watches.delete(watch);
    group.remove(watch);
    if (group.empty && this.#groups.get(watch.memberId) === group)
      this.#groups.delete(watch.memberId);
  }

  /** Those who listen must ask again. */
  end(reason: string): void {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    this.#watches.clear();
    for (const group of groups) group.end(reason);
  }
}
