import {
  type AskNote,
  type CallResult,
  FrameType,
  type NotificationNote,
  type ProgressNote,
  type ReplyNote,
} from '@conducktor/contracts';
import type { ClientLink } from './client-link.js';

/** Milliseconds that a call may wait, in all, for what its upstream asks the client. */
export const ASK_WAIT_MS = 10 * 60_000;

export interface CallOptions {
  onProgress?: (note: ProgressNote) => void;
  /**
   * The upstream asks the client something; `reply` counts once for each ask and may be called at any
   * time. The call's deadline stands still meanwhile, for ten minutes in all. Without this function
   * the upstream is told that the client cannot be asked.
   */
  onAsk?: (ask: AskNote, reply: (note: ReplyNote) => void) => void;
  onNotification?: (note: NotificationNote) => void;
  /** Aborting asks the worker to give up; the result (usually `cancelled`) still arrives. */
  signal?: AbortSignal;
}

/** The calls of one connection to a worker. */
export class ClientCalls {
  readonly #calls = new Map<number, PendingCall>();

  get size(): number {
    return this.#calls.size;
  }

  has(stream: number): boolean {
    return this.#calls.has(stream);
  }

  get(stream: number): { readonly options: CallOptions } | undefined {
    return this.#calls.get(stream);
  }

  /** The frame of the call was just written to this link; resolves with its result, never rejects. */
  add(
    link: ClientLink,
    stream: number,
    timeoutMs: number,
    options: CallOptions,
  ): Promise<CallResult> {
    const { signal } = options;
    return new Promise((resolve) => {
      if (!signal) {
        this.#calls.set(stream, new PendingCall(link, timeoutMs, options, resolve));
        return;
      }
      // A link that was lost sends nothing.
      const onAbort = (): void => link.send(FrameType.Cancel, stream, {});
      signal.addEventListener('abort', onAbort, { once: true });
      const finish = (result: CallResult): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(result);
      };
      this.#calls.set(stream, new PendingCall(link, timeoutMs, options, finish));
    });
  }

  answered(stream: number, result: CallResult): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.finish(result);
  }

  asked(stream: number, ask: AskNote): void {
    const call = this.#calls.get(stream);
    call?.asked(ask, (note) => {
      // Another call may have the stream by now.
      if (this.#calls.get(stream) === call) sendReply(call.link, stream, note);
    });
  }

  /** The connection is gone; undefined: there was none. */
  lost(link: ClientLink | undefined): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) {
      const left = !link || link.writer.flushes > call.flushes;
      call.finish(
        left
          ? {
              outcome: 'unknown',
              message:
                'The connection to the connector worker was lost; whether the call acted is not known.',
              durationMs: Math.round(performance.now() - call.sentAt),
            }
          : notSent('The connector worker is not reachable; the call was not sent.'),
      );
    }
  }

  /** `now` as of performance.now(): a clock that is set must not end calls. */
  expire(now: number): void {
    for (const [stream, call] of this.#calls) {
      if (call.deadline > now) continue;
      this.#calls.delete(stream);
      call.link.send(FrameType.Cancel, stream, {});
      call.finish({
        outcome: 'unknown',
        message:
          'The connector worker did not answer in time; whether the call acted is not known.',
        durationMs: Math.round(now - call.sentAt),
      });
    }
  }
}

export const notSent = (message: string): CallResult => ({
  outcome: 'unavailable',
  message,
  durationMs: 0,
});

/** A call, or one that was taken up, until its result. */
class PendingCall {
  #open: Set<number> | undefined;
  #waitingSince = 0;
  #waitLeft = ASK_WAIT_MS;

  readonly sentAt = performance.now();
  /** When the worker is no longer waited for. */
  deadline: number;
  /** Number of flushes when the frame was written: if none came after, the frame never left. */
  readonly flushes: number;

  constructor(
    readonly link: ClientLink,
    timeoutMs: number,
    readonly options: CallOptions,
    readonly finish: (result: CallResult) => void,
  ) {
    this.deadline = this.sentAt + timeoutMs;
    this.flushes = link.writer.flushes;
  }

  asked(ask: AskNote, send: (note: ReplyNote) => void): void {
    const { askId } = ask;
    this.#open ??= new Set();
    if (this.#open.has(askId)) return;
    if (this.#open.size === 0) {
      this.#waitingSince = performance.now();
      this.deadline += this.#waitLeft;
    }
    this.#open.add(askId);
    const reply = (note: ReplyNote): void => {
      if (!this.#open!.delete(askId)) return;
      if (this.#open!.size === 0) {
        const left = Math.max(0, this.#waitLeft - (performance.now() - this.#waitingSince));
        this.deadline -= left;
        this.#waitLeft = left;
      }
      send({ ...note, askId });
    };
    if (!this.options.onAsk)
      return reply({ askId, error: { code: -32601, message: 'This client cannot be asked.' } });
    try {
      this.options.onAsk(ask, reply);
    } catch (error) {
      // The upstream must not wait for a question that nobody puts.
      reply({ askId, error: { code: -32603, message: 'The client could not be asked.' } });
      throw error;
    }
  }
}

/** A reply that fits no frame is an error to the upstream; it must not leave the call waiting. */
function sendReply(link: ClientLink, stream: number, note: ReplyNote): void {
  try {
    link.send(FrameType.Reply, stream, note);
  } catch {
    const error = { code: -32603, message: "The client's reply is too large." };
    link.send(FrameType.Reply, stream, { askId: note.askId, error });
  }
}
