interface Kind {
  /** Tokens left for rows of their own. */
  tokens: number;
  filledAt: number;
  summary: Summary | undefined;
}

interface Summary {
  callId: string;
  count: number;
  write: Writes['summed'];
  excess: number;
}

export interface Writes {
  /** A record of this refusal alone. */
  own(callId: string): Promise<void>;
  /** One of several; may wait in memory for as long as it cannot be written. */
  summed(callId: string, repeated: number): Promise<void>;
  /** By how much it did not fit, where that is known. */
  excess?: number;
}

const BURST = 10;
const REFILL_MS = 6_000;
const FLUSH_MS = 10_000;
const MAX_KINDS = 20_000;

/**
 * Bounds what refusals write: of each kind (person, client, code, tool) ten at once and then ten a
 * minute get a record of their own, the others are counted and summed in one.
 */
export class DenialCounter {
  private readonly kinds = new Map<string, Kind>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.timer.unref();
  }

  /** Writes, or counts, and returns the id of the record that tells of it. */
  async record(
    kind: string,
    newId: () => string,
    { own, summed, excess = Infinity }: Writes,
  ): Promise<string> {
    const entry = this.kindOf(kind);
    const now = this.now();
    const refill = Math.floor((now - entry.filledAt) / REFILL_MS);
    if (refill > 0) {
      entry.tokens = Math.min(BURST, entry.tokens + refill);
      entry.filledAt += refill * REFILL_MS;
    }
    if (entry.tokens > 0) {
      entry.tokens--;
      const callId = newId();
      await own(callId);
      return callId;
    }
    const summary = (entry.summary ??= { callId: newId(), count: 0, write: summed, excess });
    summary.count++;
    // It tells of the one that lacked least: if even that did not fit, none did. Of equal ones, of the last.
    if (excess <= summary.excess) Object.assign(summary, { write: summed, excess });
    return summary.callId;
  }

  /** Writes what was counted; what cannot be written now stays counted. */
  async flush(): Promise<void> {
    for (const [kind, entry] of this.kinds) {
      const { summary } = entry;
      if (summary) {
        entry.summary = undefined;
        try {
          await summary.write(summary.callId, summary.count);
        } catch {
          entry.summary = mergeSummaries(summary, entry.summary);
        }
      } else if (this.now() - entry.filledAt > BURST * REFILL_MS) {
        this.kinds.delete(kind);
      }
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private kindOf(kind: string): Kind {
    let entry = this.kinds.get(kind);
    if (!entry) {
      // Beyond the bound all further kinds share one entry: counted together, never unbounded.
      const key = this.kinds.size >= MAX_KINDS ? `${kind.split(' ', 1)[0]} *` : kind;
      entry = this.kinds.get(key) ?? { tokens: BURST, filledAt: this.now(), summary: undefined };
      this.kinds.set(key, entry);
    }
    return entry;
  }
}

function mergeSummaries(first: Summary, second: Summary | undefined): Summary {
  if (!second) return first;
  const { write, excess } = second.excess <= first.excess ? second : first;
  return { callId: first.callId, count: first.count + second.count, write, excess };
}
