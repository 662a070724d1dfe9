const FIRST_PAUSE_MS = 5_000;
// A workspace that takes all the time that a statement may holds up the others for as long at each try.
const MOST_PAUSE_MS = 1_800_000;

interface Entry {
  error: unknown;
  pauseMs: number;
  dueAt: number;
}

/** Workspaces that could not be posted, each with why and when it is tried again: twice as long every time. */
export class SetAside {
  private readonly entries = new Map<string, Entry>();

  get size(): number {
    return this.entries.size;
  }

  get all(): string[] {
    return [...this.entries.keys()];
  }

  get due(): string[] {
    const now = performance.now();
    return this.all.filter((tenantId) => this.entries.get(tenantId)!.dueAt <= now);
  }

  /** Why the last of them could not be posted; undefined: there is none. */
  get reason(): unknown {
    return [...this.entries.values()].at(-1)?.error;
  }

  /** Returns in how many milliseconds it is tried again. */
  add(tenantId: string, error: unknown): number {
    const before = this.entries.get(tenantId);
    const pauseMs = Math.min(MOST_PAUSE_MS, before ? before.pauseMs * 2 : FIRST_PAUSE_MS);
    this.entries.set(tenantId, { error, pauseMs, dueAt: performance.now() + pauseMs });
    return pauseMs;
  }

  remove(tenantId: string): void {
    this.entries.delete(tenantId);
  }
}
