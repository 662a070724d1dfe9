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

/** A call, or one that was taken up, until its result. */
export class PendingCall {
  #open: Set<number> | undefined;
  #waitingSince = 0;
  #waitLeft = ASK_WAIT_MS;

  constructor(
    readonly sentAt: number,
    /** When the worker is no longer waited for. */
    public deadline: number,
    /** Number of flushes when the frame was written: if none came after, the frame never left. */
    readonly flushes: number,
    readonly options: CallOptions,
    readonly finish: (result: CallResult) => void,
  ) {}

  asked(ask: AskNote, send: (note: ReplyNote) => void): void {
    const { askId } = ask;
    this.#open ??= new Set();
    if (this.#open.has(askId)) return;
    if (this.#open.size === 0) {
      this.#waitingSince = Date.now();
      this.deadline += this.#waitLeft;
    }
    this.#open.add(askId);
    const reply = (note: ReplyNote): void => {
      if (!this.#open!.delete(askId)) return;
      if (this.#open!.size === 0) {
        const left = Math.max(0, this.#waitLeft - (Date.now() - this.#waitingSince));
        this.deadline -= left;
        this.#waitLeft = left;
      }
      send({ ...note, askId });
    };
    if (this.options.onAsk) this.options.onAsk(ask, reply);
    else reply({ askId, error: { code: -32601, message: 'This client cannot be asked.' } });
  }
}

/** A reply that fits no frame is an error to the upstream; it must not leave the call waiting. */
export function replyFrame(link: ClientLink, stream: number, note: ReplyNote): void {
  try {
    link.send(FrameType.Reply, stream, note);
  } catch {
    const error = { code: -32603, message: "The client's reply is too large." };
    link.send(FrameType.Reply, stream, { askId: note.askId, error });
  }
}
