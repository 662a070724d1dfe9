import { lastSeq, sealedEventsBetween, type Db, type SealedRow } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';

const POLL_MS = 400;
const FAILED_MS = 1_000;
/** Events read in one go. */
export const BATCH = 500;

export type Listener = (rows: readonly SealedRow[]) => void;

/** What is sealed in one workspace, told to all who listen: one look a time however many they are. */
export class Feed {
  private readonly listeners = new Set<Listener>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  private constructor(
    private readonly deps: { db: Db; logger: Logger },
    readonly tenantId: string,
    /** The last event that was told. */
    public head: number,
  ) {}

  static async open(deps: { db: Db; logger: Logger }, tenantId: string): Promise<Feed> {
    return new Feed(deps, tenantId, await deps.db.withTenant(tenantId, lastSeq));
  }

  /** From the next event after `head` on. */
  add(listener: Listener): void {
    this.listeners.add(listener);
    this.goOn(POLL_MS);
  }

  remove(listener: Listener): void {
    this.listeners.delete(listener);
    if (this.listeners.size > 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private goOn(ms: number): void {
    if (this.looking || this.listeners.size === 0) return;
    this.timer ??= setTimeout(() => void this.look(), ms);
  }

  private async look(): Promise<void> {
    this.timer = undefined;
    this.looking = true;
    let wait = POLL_MS;
    try {
      const rows = await this.deps.db.withTenant(this.tenantId, (tx) =>
        sealedEventsBetween(tx, { after: this.head, upTo: this.head + BATCH }),
      );
      const last = rows.at(-1);
      if (last) {
        this.head = last.seq;
        for (const listener of this.listeners) listener(rows);
        if (rows.length === BATCH) wait = 0;
      }
    } catch (error) {
      this.deps.logger.warn({ err: error }, 'Live activity cannot be read right now; it goes on');
      wait = FAILED_MS;
    }
    this.looking = false;
    this.goOn(wait);
  }
}

/** The feeds that somebody listens to, by workspace. */
export class Feeds {
  private readonly feeds = new Map<string, { feed: Promise<Feed>; users: number }>();

  constructor(private readonly deps: { db: Db; logger: Logger }) {}

  /** In how many workspaces somebody listens. */
  get open(): number {
    return this.feeds.size;
  }

  /** Every `use` needs its `leave`. */
  use(tenantId: string): Promise<Feed> {
    let entry = this.feeds.get(tenantId);
    if (!entry) {
      entry = { feed: Feed.open(this.deps, tenantId), users: 0 };
      this.feeds.set(tenantId, entry);
    }
    entry.users++;
    return entry.feed;
  }

  leave(tenantId: string): void {
    const entry = this.feeds.get(tenantId);
    if (entry && --entry.users === 0) this.feeds.delete(tenantId);
  }
}
