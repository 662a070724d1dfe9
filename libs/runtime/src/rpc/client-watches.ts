import {
  FrameType,
  type UpstreamEvent,
  type WatchAnswer,
  type WatchRequest,
} from '@conducktor/contracts';
import type { ClientLink } from './client-link.js';

/** After its own deadline the worker answers at once. */
const ANSWER_GRACE_MS = 5_000;

export interface WatchOptions {
  onEvent: (event: UpstreamEvent) => void;
  /** Once, when a watch that was answered with `ok` ends by itself: the worker or the upstream is gone. */
  onClosed: (reason: string) => void;
}

/** `close` ends it; closing twice, or what is not open, does nothing. */
export type Watching = WatchAnswer & { close(): void };

interface Watch {
  /** Undefined once answered. */
  answer: ((answer: WatchAnswer) => void) | undefined;
  deadline: number;
  options: WatchOptions;
  close(): void;
}

/** The watches of one connection to a worker. */
export class ClientWatches {
  readonly #watches = new Map<number, Watch>();

  has(stream: number): boolean {
    return this.#watches.has(stream);
  }

  open(
    link: ClientLink,
    stream: number,
    request: WatchRequest,
    options: WatchOptions,
  ): Promise<Watching> {
    const close = (): void => {
      if (this.#watches.get(stream) !== watch) return;
      this.#watches.delete(stream);
      link.send(FrameType.Cancel, stream, {});
    };
    const watch: Watch = {
      answer: undefined,
      deadline: performance.now() + request.timeoutMs + ANSWER_GRACE_MS,
      options,
      close,
    };
    try {
      link.send(FrameType.Watch, stream, request);
    } catch {
      return Promise.resolve({ ok: false, message: 'Too much is to be watched.', close });
    }
    this.#watches.set(stream, watch);
    return new Promise((resolve) => {
      watch.answer = (answer) => resolve({ ...answer, close });
    });
  }

  /** The first answer is to the request; a refusal after it ends the watch. */
  answered(stream: number, answer: WatchAnswer): void {
    const watch = this.#watches.get(stream);
    if (!watch) return;
    if (!answer.ok) this.#watches.delete(stream);
    const first = watch.answer;
    watch.answer = undefined;
    if (first) first(answer);
    else if (!answer.ok) watch.options.onClosed(answer.message);
  }

  event(stream: number, event: UpstreamEvent): void {
    this.#watches.get(stream)?.options.onEvent(event);
  }

  lost(reason: string): void {
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    for (const { answer, options } of watches) {
      if (answer)
        answer({ ok: false, message: 'The connection to the connector worker was lost.' });
      else options.onClosed(reason);
    }
  }

  /** `now` as of performance.now(). */
  expire(now: number): void {
    for (const watch of this.#watches.values()) {
      if (!watch.answer || watch.deadline > now) continue;
      watch.close();
      watch.answer({ ok: false, message: 'The connector worker did not answer in time.' });
    }
  }
}
