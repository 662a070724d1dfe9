/**
 * Answers that came while their client was away. Few are ever kept: only of streams that were open and
 * broke, for as long as a client needs to come back, and no more than these bounds, the oldest going
 * first. One person cannot push out more than a share of what is kept for others.
 */
export interface KeepLimits {
  answers: number;
  bytes: number;
  /** What one person may have of either: one part in so many. */
  share: number;
  ms: number;
}

export const KEEP_LIMITS: KeepLimits = {
  answers: 1_000,
  bytes: 32 * 1024 * 1024,
  share: 4,
  ms: 60_000,
};

interface Kept {
  principal: string;
  bytes: number;
  timer: NodeJS.Timeout;
  dropped(): void;
}

export class KeptAnswers {
  /** The oldest first. */
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;

  constructor(private readonly limits: KeepLimits = KEEP_LIMITS) {}

  get size(): number {
    return this.kept.size;
  }

  /** `dropped` is called when it is given up, in time or at once if it is too large; not after `release`. */
  keep(stream: string, principal: string, text: string, dropped: () => void): void {
    const { limits } = this;
    const bytes = Buffer.byteLength(text);
    if (bytes > limits.bytes / limits.share) return dropped();
    const timer = setTimeout(() => this.drop(stream), limits.ms).unref();
    this.kept.set(stream, { principal, bytes, timer, dropped });
    this.bytes += bytes;
    this.bound(principal);
  }

  release(stream: string): void {
    const kept = this.kept.get(stream);
    if (!kept) return;
    clearTimeout(kept.timer);
    this.kept.delete(stream);
    this.bytes -= kept.bytes;
  }

  private drop(stream: string): void {
    const kept = this.kept.get(stream);
    this.release(stream);
    kept?.dropped();
  }

  private bound(principal: string): void {
    const { limits } = this;
    const own = [...this.kept].filter(([, kept]) => kept.principal === principal);
    let bytes = own.reduce((sum, [, kept]) => sum + kept.bytes, 0);
    let count = own.length;
    for (const [stream, kept] of own) {
      if (count * limits.share <= limits.answers && bytes * limits.share <= limits.bytes) break;
      count--;
      bytes -= kept.bytes;
      this.drop(stream);
    }
    for (const stream of this.kept.keys()) {
      if (this.kept.size <= limits.answers && this.bytes <= limits.bytes) break;
      this.drop(stream);
    }
  }
}
