import type { Db } from '@conducktor/db';
import { listenTo } from '@conducktor/db';
import type { ApprovalRequest } from './types.js';

type Which = Pick<ApprovalRequest, 'tenantId' | 'id'>;

// What was told between two connections is found by looking again.
const LOOK_AGAIN_MS = 2_000;

/** Tells whoever waits for a request in this process that its status has changed, whoever changed it. */
export class ApprovalChanges {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop: () => Promise<void>;

  /** `onChange` hears of every change there is. */
  constructor(db: Db, onChange: () => void) {
    this.#stop = listenTo(db, 'approval', (told) => {
      onChange();
      for (const wake of this.#waiting.get(told) ?? []) wake();
    });
  }

  /**
   * Resolves when the request has changed, or at `until` (Unix milliseconds), or when nobody waits any
   * more; and after `lookAgainMs`, for a look. Take it before looking, so that nothing is missed.
   */
  next(
    { tenantId, id }: Which,
    until: number,
    signal: AbortSignal,
    lookAgainMs = LOOK_AGAIN_MS,
  ): Change {
    const key = `${tenantId}/${id}`;
    let end = () => {};
    const changed = new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), Math.max(0, Math.min(lookAgainMs, until - Date.now())));
      const wakers = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, wakers);
      end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        wakers.delete(end);
        if (wakers.size === 0 && this.#waiting.get(key) === wakers) this.#waiting.delete(key);
        resolve();
      };
      wakers.add(end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
    return { changed, forget: end };
  }

  async stop(): Promise<void> {
    await this.#stop();
    for (const wakers of this.#waiting.values()) for (const wake of wakers) wake();
  }
}

interface Change {
  changed: Promise<void>;
  forget(): void;
}
