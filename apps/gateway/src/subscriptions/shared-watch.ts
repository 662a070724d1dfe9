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
  #ended = false;
  /** What came of the first attempt; later ones answer nobody. */
  readonly answer: Promise<WatchAnswer>;

  constructor(
    private readonly workers: Pick<Workers, 'watch'>,
    private readonly request: WatchRequest,
    private readonly onEnd: () => void,
  ) {
    this.answer = this.#open();
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
    const watching = await this.workers.watch(this.request, {
      onEvent: (event) => this.#tell(event),
      onClosed: () => {
        over = true;
        this.#watching = undefined;
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
    if (!over) this.#watching = watching;
    if (this.#attempt > 0) this.#tell({ kind: 'gap' });
    this.#attempt = 0;
    return watching;
  }

  #again(): void {
    if (this.#ended || this.#retry) return;
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#attempt++, BACKOFF_MS.most);
    // Jitter, so that all watches of a worker do not come back in step.
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        void this.#open();
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
