import { ClientLink, type ClientLinkOptions } from './client-link.js';

/** One that said it is stopping and is away for longer is not coming back soon. */
const BACK_MS = 60_000;
const BACKOFF_MS = { first: 25, most: 1_000 };

export interface StandingLinkOptions extends Omit<ClientLinkOptions, 'onReady' | 'onClose'> {
  onReady(): void;
  /** Each time that it ends or does not come up; `joined` as it was, undefined when it did not. */
  onLost(joined: ClientLink | undefined, reason: string): void;
}

/** The connection to one worker, dialled again for ever. */
export class StandingLink {
  /** The connection there is, once both sides have proved themselves. */
  joined: ClientLink | undefined;
  #dialled: ClientLink | undefined;
  /** When the worker said that it is stopping; until it or its successor is there again. */
  #leftAt = -Infinity;
  #closed = false;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly options: StandingLinkOptions) {
    this.#dial();
  }

  /** Joined, and the worker has not said that it is stopping. */
  get ready(): boolean {
    return this.joined !== undefined && this.#leftAt === -Infinity;
  }

  /** It went in good order, so it or its successor is soon there again. */
  get leaving(): boolean {
    return performance.now() - this.#leftAt < BACK_MS;
  }

  /** The worker says that it is stopping. */
  leaves(): void {
    this.#leftAt = performance.now();
  }

  /** True as soon as connected, false when that took longer than `limitMs`. */
  whenReady(limitMs: number): Promise<boolean> {
    if (this.ready) return Promise.resolve(true);
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        // A worker may be away for hours, and every call waits for it a moment.
        this.#waiting.delete(wake);
        resolve(this.ready);
      }, limitMs);
      this.#waiting.add(wake);
    });
  }

  /** Sends what waits and ends. */
  close(reason: string): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#dialled?.end();
    this.#lost(reason);
  }

  #dial(): void {
    if (this.#closed) return;
    const link: ClientLink = new ClientLink({
      ...this.options,
      onReady: () => this.#onReady(link),
      onClose: (reason) => {
        if (this.#dialled !== link) return;
        this.#lost(reason);
        this.#redial();
      },
    });
    this.#dialled = link;
  }

  #redial(): void {
    if (this.#closed) return;
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#attempt++, BACKOFF_MS.most);
    // Jitter, so that a fleet does not dial a restarted worker in step.
    this.#retry = setTimeout(() => this.#dial(), wait * (0.5 + Math.random() / 2));
  }

  #onReady(link: ClientLink): void {
    this.joined = link;
    this.#leftAt = -Infinity;
    this.#attempt = 0;
    this.options.onReady();
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #lost(reason: string): void {
    const { joined } = this;
    this.joined = undefined;
    this.#dialled = undefined;
    this.options.onLost(joined, reason);
  }
}
