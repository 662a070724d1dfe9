import type { UpstreamEvent, WatchAnswer, WatchRequest } from '@conducktor/contracts';
import type { Watching } from '@conducktor/runtime';
import type { Workers } from '../workers/workers.js';

export interface WatchListener {
  /** `gap` after a time in which nothing was heard: anything may have changed. */
  onEvent(event: UpstreamEvent): void;
  /** The upstream itself refuses to be watched any more; nothing follows. */
  onRefused(reason: string): void;
}

const BACKOFF_MS = { first: 250, most: 30_000 };
// A watch that ends sooner counts as one that failed: an upstream may take each and drop it at once.
const HEALTHY_MS = 60_000;

/**
 * One watch of an upstream for all who listen to the same thing in this process. A worker or upstream
 * that is lost is watched again, for as long as anybody listens, and what may have been missed is
 * told as a `gap`.
 */
export class SharedWatch {
  readonly #listeners = new Set<WatchListener>();
  #watching: Watching | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #missed = false;
  #ended = false;
  #answer: Promise<WatchAnswer>;

  constructor(
    private readonly workers: Pick<Workers, 'watch'>,
    private readonly request: WatchRequest,
    private readonly onEnd: () => void,
  ) {
    this.#answer = this.#open();
  }

  /** What came of the last attempt. */
  get answer(): Promise<WatchAnswer> {
    return this.#answer;
  }

  add(listener: WatchListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: WatchListener): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#retry);
    this.#watching?.close();
    this.#listeners.clear();
    this.onEnd();
  }

  async #open(): Promise<WatchAnswer> {
    let over = false;
    let openedAt = Infinity;
    const watching = await this.workers.watch(this.request, {
      onEvent: (event) => this.#tell(event),
      onClosed: () => {
        over = true;
        this.#watching = undefined;
        if (performance.now() - openedAt > HEALTHY_MS) this.#attempt = 0;
        this.#again();
      },
    });
    if (this.#ended) {
      watching.close();
      return watching;
    }
    if (!watching.ok) {
      if (watching.error) this.#refused(watching.message);
      else this.#again();
      return watching;
    }
    if (over) return watching;
    openedAt = performance.now();
    this.#watching = watching;
    if (this.#missed) this.#tell({ kind: 'gap' });
    this.#missed = false;
    return watching;
  }

  #again(): void {
    if (this.#ended || this.#retry) return;
    this.#missed = true;
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#attempt++, BACKOFF_MS.most);
    // Jitter, so that all watches of a worker do not come back in step.
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.#answer = this.#open();
      },
      wait * (0.5 + Math.random() / 2),
    );
    this.#retry.unref();
  }

  #refused(reason: string): void {
    const listeners = [...this.#listeners];
    this.end();
    for (const listener of listeners) listener.onRefused(reason);
  }

  #tell(event: UpstreamEvent): void {
    for (const listener of this.#listeners) listener.onEvent(event);
  }
}
