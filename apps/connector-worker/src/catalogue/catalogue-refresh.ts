import { readRefresh, serverHash, takeOver } from '@conducktor/catalog';
import type { RefreshRequest, RefreshResult, UpstreamServer } from '@conducktor/contracts';
import { isConnectionFrozen, type Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { LoadedConnection } from '../connector.js';

export interface CatalogueRefreshDeps {
  db: Db;
  /** Connects and lists; never rejects. */
  list(request: RefreshRequest): Promise<RefreshResult>;
  logger: Logger;
  timing?: Partial<typeof TIMING>;
}

const TIMING = {
  /** Servers that register tools one by one say so each time. */
  settleMs: 100,
  /** Between the first listings in a row: who works on a server wants to see what it does. */
  quickMs: 500,
  /** Between two listings of one connection after `QUICK` of them; so long it is remembered, too. */
  gapMs: 10_000,
  /** What the gap grows to while a server says "changed" and lists the same. */
  mostGapMs: 10 * 60_000,
};
const QUICK = 5;
/** Listings at once, over all connections. */
const MAX_RUNNING = 4;
/** Connections that wait or rest; a further one is heard when it says so again. */
const MAX_KNOWN = 10_000;

type Found = 'change' | 'same' | 'failure';

interface Change {
  request: RefreshRequest;
  /** Waits for its time, or for its turn; running; resting, and then perhaps changed again; quiet. */
  state: 'waiting' | 'running' | 'resting' | 'quiet';
  again: boolean;
  gapMs: number;
  /** Listings that may still follow quickly. */
  quick: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Makes the catalogue what a server lists when the server says that its tools have changed. The new
 * version of the workspace then tells every gateway. However often a server says so, it costs a few
 * listings, then one in ten seconds, and fewer when nothing had changed.
 */
export class CatalogueRefresh {
  readonly #changes = new Map<string, Change>();
  readonly #queue: Change[] = [];
  readonly #running = new Set<Promise<void>>();
  /** What each server said of itself last, by connection. */
  readonly #said = new Map<string, string>();
  readonly #timing: typeof TIMING;
  #closed = false;

  constructor(private readonly deps: CatalogueRefreshDeps) {
    this.#timing = { ...TIMING, ...deps.timing };
  }

  /** A server said that its list of tools has changed. Cheap, however often it is called. */
  changed(tenantId: string, connectionId: string): void {
    const key = `${tenantId}/${connectionId}`;
    const known = this.#changes.get(key);
    if (known) {
      if (known.state === 'quiet') return this.#wait(known);
      known.again = known.state !== 'waiting';
      return;
    }
    if (this.#closed || this.#changes.size >= MAX_KNOWN) return;
    const change: Change = {
      request: { tenantId, connectionId },
      state: 'waiting',
      again: false,
      gapMs: this.#timing.gapMs,
      quick: QUICK,
      timer: undefined,
    };
    this.#changes.set(key, change);
    this.#wait(change);
  }

  /**
   * What a server says of itself in a handshake. One that says something else than before, or than
   * what is stored, has been replaced or configured anew and is listed again.
   */
  said(connection: LoadedConnection, server: UpstreamServer): void {
    const { tenantId, id, serverHash: stored } = connection;
    // It was never taken over: that is for a person to do.
    if (stored === undefined) return;
    const key = `${tenantId}/${id}`;
    const hash = serverHash(server);
    const before = this.#said.get(key) ?? stored;
    this.#said.delete(key);
    if (this.#said.size >= MAX_KNOWN) this.#said.delete(this.#said.keys().next().value!);
    this.#said.set(key, hash);
    if (hash !== before) this.changed(tenantId, id);
  }

  /** Waits for the listings under way. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#changes.values()) clearTimeout(timer);
    this.#changes.clear();
    this.#queue.length = 0;
    await Promise.allSettled(this.#running);
  }

  #wait(change: Change): void {
    clearTimeout(change.timer);
    change.state = 'waiting';
    change.again = false;
    change.timer = setTimeout(() => {
      this.#queue.push(change);
      this.#next();
    }, this.#timing.settleMs).unref();
  }

  #next(): void {
    while (this.#running.size < MAX_RUNNING) {
      const change = this.#queue.shift();
      if (!change) return;
      change.state = 'running';
      const run = this.#refresh(change).then((found) => {
        this.#running.delete(run);
        this.#rest(change, found);
        this.#next();
      });
      this.#running.add(run);
    }
  }

  #rest(change: Change, found: Found): void {
    if (this.#closed) return;
    const { quickMs, gapMs, mostGapMs } = this.#timing;
    // A list that could not be had is asked for again, until it has been in vain for long.
    change.again ||= found === 'failure' && change.gapMs < mostGapMs;
    change.gapMs = found === 'change' ? gapMs : Math.min(change.gapMs * 2, mostGapMs);
    const isQuick = found === 'change' && --change.quick >= 0;
    change.state = 'resting';
    change.timer = setTimeout(
      () => (change.again ? this.#wait(change) : this.#quiet(change)),
      isQuick ? quickMs : change.gapMs,
    ).unref();
  }

  /** Listed again at once when it changes, and forgotten when it does not for a while. */
  #quiet(change: Change): void {
    const { tenantId, connectionId } = change.request;
    change.state = 'quiet';
    change.timer = setTimeout(
      () => this.#changes.delete(`${tenantId}/${connectionId}`),
      this.#timing.gapMs,
    ).unref();
  }

  async #refresh({ request }: Change): Promise<Found> {
    const { db, list, logger } = this.deps;
    const { tenantId, connectionId } = request;
    try {
      // Its server is asked nothing, whatever it says over a session that is still open.
      if (await db.withTenant(tenantId, (tx) => isConnectionFrozen(tx, connectionId)))
        return 'failure';
      const refreshed = await list(request);
      // Calls say what is wrong with a server that cannot be reached; its tools stay as they were.
      if (refreshed.status !== 'ACTIVE' && refreshed.status !== 'DEGRADED') return 'failure';
      const read = await readRefresh(refreshed);
      const event = { action: 'connection.refresh', actor: 'connector-worker' };
      const taken = await db.withTenant(tenantId, (tx) =>
        takeOver(tx, connectionId, read, event, { attended: false }),
      );
      if (taken?.changed) logger.info(request, 'What a connection offers has changed');
      // A server that calls itself something else each time is no reason for haste.
      return taken?.toolsChanged ? 'change' : 'same';
    } catch (error) {
      logger.error({ err: error, ...request }, 'Taking over a changed list of tools failed');
      return 'failure';
    }
  }
}
