/** Requests that were answered 202 and whose answer comes over a stream: no connection stands for them. */
export class Running {
  private readonly counts = new Map<string, number>();
  private idle: (() => void) | undefined;

  /** `undefined` when the session has `most` under way already; else what to call when one has ended. */
  begin(sessionId: string, most: number): (() => void) | undefined {
    const count = this.counts.get(sessionId) ?? 0;
    if (count >= most) return undefined;
    this.counts.set(sessionId, count + 1);
    return () => {
      const left = this.counts.get(sessionId)! - 1;
      if (left > 0) this.counts.set(sessionId, left);
      else this.counts.delete(sessionId);
      if (this.counts.size === 0) this.idle?.();
    };
  }

  /** Resolves when none is under way, or after `atMostMs`. */
  async whenIdle(atMostMs: number): Promise<void> {
    if (this.counts.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.idle = resolve;
    const timer = setTimeout(resolve, atMostMs);
    await promise;
    clearTimeout(timer);
  }
}
