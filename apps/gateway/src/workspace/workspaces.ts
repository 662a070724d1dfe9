import { ConducktorError } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import { loadWorkspace } from './load-workspace.js';
import type { Tool, Workspace } from './types.js';

/** Where snapshots come from: cached while their version is current, loaded otherwise. */
export interface Workspaces {
  /** Current as of at most `MAX_AGE_MS` ago; rejects with `governance_unavailable` when that cannot be known. */
  get(tenantId: string): Promise<Workspace>;
  /** The cached snapshot when it is known to be current; spares the hot path a promise. */
  peek(tenantId: string): Workspace | undefined;
  /** The tick found this snapshot stale: replaces it by what the database says now. */
  refresh(stale: Workspace): Promise<void>;
  /**
   * Calls `fn` whenever a newer version of this workspace was heard of; `get` gives the snapshot.
   * Returns what ends it.
   */
  onChange(tenantId: string, fn: () => void): () => void;
  /** False when changes may not have been heard of for too long to decide by what is known. */
  readonly current: boolean;
  stop(): Promise<void>;
}

interface Entry {
  workspace: Workspace | undefined;
  loading: Promise<Workspace> | undefined;
  /** The newest version heard of; a snapshot below it is stale. */
  heard: number;
  usedAt: number;
}

// Within this time a change anywhere is effective here (CONTRACT: 1 s), Redis or not.
const POLL_MS = 500;
const MAX_AGE_MS = 1_000;
// Every call waits for a poll that is under way: one on a connection that fell silent must end.
const POLL_TIMEOUT_MS = 2_000;
/** Some polls on end. */
const AWAY_MS = 3_000;
const MAX_WORKSPACES = 5_000;
// A snapshot is mostly the definitions of its tools, 2 to 3 kB each: some 500 MB of them.
const MAX_TOOLS = 200_000;

/**
 * Keeps snapshots of the workspaces in use. Changes are heard by polling the transaction ids of
 * tenant_version, and sooner by LISTEN; the tick checks once more for every call it admits.
 */
export async function openWorkspaces(deps: {
  db: Db;
  /** Of every workspace. */
  ownTools?: readonly Tool[];
  now?: () => number;
  /** Of all snapshots that are kept. The one used last stays, however many it has. */
  maxTools?: number;
}): Promise<Workspaces> {
  const now = deps.now ?? (() => performance.now());
  const entries = new Map<string, Entry>();
  const listeners = new Map<string, { told: number; fns: Set<() => void> }>();
  let since: string | undefined;
  let polledAt = -Infinity;
  let failing = false;
  let polling: Promise<void> | undefined;
  let stopped = false;

  const entryOf = (tenantId: string): Entry => {
    let entry = entries.get(tenantId);
    if (!entry) {
      if (entries.size >= MAX_WORKSPACES) evictOldest(entries);
      entry = { workspace: undefined, loading: undefined, heard: 0, usedAt: 0 };
      entries.set(tenantId, entry);
    }
    entry.usedAt = now();
    return entry;
  };

  const poll = (): Promise<void> => {
    polling ??= pollChanges(deps.db, since)
      .then(({ next, startedAt, changes }) => {
        since = next;
        polledAt = startedAt;
        failing = false;
        for (const { tenantId, version } of changes) {
          const entry = entries.get(tenantId);
          if (entry && version > entry.heard) entry.heard = version;
          const listening = listeners.get(tenantId);
          // A change is read again for as long as an older transaction runs.
          if (!listening || version <= listening.told) continue;
          listening.told = version;
          for (const fn of listening.fns) fn();
        }
      })
      .catch((error: unknown) => {
        failing = true;
        throw error;
      })
      .finally(() => (polling = undefined));
    return polling;
  };

  const isCurrent = (entry: Entry) =>
    entry.workspace !== undefined &&
    entry.workspace.version >= entry.heard &&
    now() - polledAt < MAX_AGE_MS;

  const load = (tenantId: string, entry: Entry): Promise<Workspace> => {
    entry.loading ??= loadWorkspace(deps.db, tenantId, deps.ownTools ?? [])
      .then((workspace) => {
        entry.workspace = workspace;
        entry.usedAt = now();
        makeRoom(entries, deps.maxTools ?? MAX_TOOLS);
        return workspace;
      })
      .finally(() => (entry.loading = undefined));
    return entry.loading;
  };

  await poll();
  const timer = setInterval(() => void poll().catch(() => {}), POLL_MS);
  timer.unref();
  const stopListening = listen(
    deps.db,
    () => void poll().catch(() => {}),
    () => stopped,
  );

  return {
    peek: (tenantId) => {
      const entry = entries.get(tenantId);
      if (!entry || !isCurrent(entry)) return undefined;
      entry.usedAt = now();
      return entry.workspace;
    },
    get: async (tenantId) => {
      const entry = entryOf(tenantId);
      if (isCurrent(entry)) return entry.workspace!;
      try {
        if (now() - polledAt >= MAX_AGE_MS) await poll();
        if (isCurrent(entry)) return entry.workspace!;
        const { heard } = entry;
        const workspace = await load(tenantId, entry);
        // The load may have been under way when the change was heard of, and have read what was before.
        return workspace.version >= heard ? workspace : await load(tenantId, entry);
      } catch (error) {
        if (error instanceof ConducktorError) throw error;
        throw new ConducktorError(
          'governance_unavailable',
          'This call was not made, because it cannot be recorded right now.',
          { cause: error },
        );
      }
    },
    refresh: async (stale) => {
      const entry = entryOf(stale.tenantId);
      if (entry.workspace === stale) entry.workspace = undefined;
      if (!entry.workspace) await load(stale.tenantId, entry).catch(() => {});
    },
    onChange: (tenantId, fn) => {
      const listening = listeners.get(tenantId) ?? { told: 0, fns: new Set() };
      listeners.set(tenantId, listening);
      listening.fns.add(fn);
      return () => {
        listening.fns.delete(fn);
        if (listening.fns.size === 0 && listeners.get(tenantId) === listening)
          listeners.delete(tenantId);
      };
    },
    get current() {
      const age = now() - polledAt;
      // One slow poll is late; one that failed, or a second one that is late, is away.
      return age < MAX_AGE_MS || (!failing && age < AWAY_MS);
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await stopListening();
    },
  };
}

async function pollChanges(db: Db, since: string | undefined) {
  const startedAt = performance.now();
  const query = {
    text: 'select next_since::text, tenant_id, version from changed_tenants(coalesce($1::xid8, pg_snapshot_xmin(pg_current_snapshot())))',
    values: [since ?? null],
    query_timeout: POLL_TIMEOUT_MS,
  };
  const { rows } = await db.pool.query<{
    next_since: string;
    tenant_id: string | null;
    version: string;
  }>(query);
  return {
    startedAt,
    next: rows[0]!.next_since,
    changes: rows.flatMap((row) =>
      row.tenant_id === null ? [] : [{ tenantId: row.tenant_id, version: Number(row.version) }],
    ),
  };
}

/**
 * Snapshots used longest ago go first; whoever asks for one has it loaded again. What was heard of its
 * workspace stays: a request may be waiting for a poll, to know whether the snapshot is current.
 */
function makeRoom(entries: Map<string, Entry>, maxTools: number): void {
  let tools = 0;
  for (const { workspace } of entries.values()) tools += workspace?.tools.size ?? 0;
  if (tools <= maxTools) return;
  const loaded = [...entries.values()].filter(({ workspace }) => workspace !== undefined);
  loaded.sort((one, other) => one.usedAt - other.usedAt);
  for (const entry of loaded.slice(0, -1)) {
    if (tools <= maxTools) break;
    tools -= entry.workspace!.tools.size;
    entry.workspace = undefined;
  }
}

function evictOldest(entries: Map<string, Entry>): void {
  let oldest: [string, Entry] | undefined;
  for (const pair of entries) if (!oldest || pair[1].usedAt < oldest[1].usedAt) oldest = pair;
  if (oldest) entries.delete(oldest[0]);
}

/** LISTEN on one pooled connection, taken again whenever it is lost; polling covers the gaps. */
function listen(db: Db, onChange: () => void, stopped: () => boolean): () => Promise<void> {
  let release: (() => void) | undefined;
  const run = async () => {
    while (!stopped()) {
      try {
        const client = await db.pool.connect();
        await new Promise<void>((resolve) => {
          release = resolve;
          client.on('notification', onChange);
          client.on('error', () => resolve());
          client.on('end', () => resolve());
          client.query('listen tenant_version').catch(() => resolve());
        });
        client.release(true);
      } catch {
        // The pool is away; try again below.
      }
      release = undefined;
      if (!stopped()) await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  };
  const running = run();
  return async () => {
    release?.();
    await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 500))]);
  };
}
