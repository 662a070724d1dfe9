import {
  ConducktorError,
  FrameType,
  type RefreshRequest,
  type RefreshResult,
} from '@conducktor/contracts';
import type { ClientLink } from './client-link.js';

const REFRESH_MS = 120_000;

interface PendingRefresh {
  deadline: number;
  resolve(result: RefreshResult): void;
  reject(error: Error): void;
}

/** The refreshes of one connection to a worker. */
export class ClientRefreshes {
  readonly #refreshes = new Map<number, PendingRefresh>();

  has(stream: number): boolean {
    return this.#refreshes.has(stream);
  }

  open(link: ClientLink, stream: number, request: RefreshRequest): Promise<RefreshResult> {
    link.send(FrameType.Refresh, stream, request);
    return new Promise((resolve, reject) => {
      this.#refreshes.set(stream, { deadline: performance.now() + REFRESH_MS, resolve, reject });
    });
  }

  answered(stream: number, result: RefreshResult): void {
    const refresh = this.#refreshes.get(stream);
    this.#refreshes.delete(stream);
    refresh?.resolve(result);
  }

  lost(error: Error): void {
    for (const refresh of this.#refreshes.values()) refresh.reject(error);
    this.#refreshes.clear();
  }

  /** `now` as of performance.now(). */
  expire(now: number): void {
    for (const [stream, refresh] of this.#refreshes) {
      if (refresh.deadline > now) continue;
      this.#refreshes.delete(stream);
      refresh.reject(
        new ConducktorError('upstream_timeout', 'Refreshing the connection took too long.'),
      );
    }
  }
}
