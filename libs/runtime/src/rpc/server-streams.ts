import {
  type AskNote,
  FrameType,
  type NotificationNote,
  type ProgressNote,
  type ReplyNote,
  type UpstreamEvent,
} from '@conducktor/contracts';
import type { RpcExchange, RpcPeer, RpcWatch } from './handlers.js';

/** What a stream needs of its connection; false when nothing was sent. Throws FrameError for what is too long. */
export interface Sender extends RpcPeer {
  /** So much waits to be sent that only answers are sent any more. */
  readonly isCongested: boolean;
  send(type: number, stream: number, message: unknown): boolean;
}

/** The stream of a Call or Resume. */
export class Exchange implements RpcExchange {
  cancelled = false;
  onCancel: (() => void) | undefined;
  onReply: ((note: ReplyNote) => void) | undefined;

  constructor(
    readonly peer: Sender,
    readonly stream: number,
  ) {}

  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.onCancel?.();
  }

  progress(note: ProgressNote): void {
    if (this.peer.isCongested) return;
    this.peer.send(FrameType.Progress, this.stream, note);
  }

  notify(note: NotificationNote): void {
    this.#try(FrameType.Notify, note);
  }

  ask(note: AskNote): boolean {
    return this.#try(FrameType.Ask, note);
  }

  #try(type: number, note: unknown): boolean {
    if (this.peer.isCongested) return false;
    try {
      return this.peer.send(type, this.stream, note);
    } catch {
      return false;
    }
  }
}

/** The stream of a Watch. */
export class WatchStream implements RpcWatch {
  closed = false;
  onClose: (() => void) | undefined;

  constructor(
    readonly peer: Sender,
    readonly stream: number,
    private readonly onEnd: () => void,
  ) {}

  event(event: UpstreamEvent): void {
    if (this.closed) return;
    try {
      this.peer.send(FrameType.Event, this.stream, event);
    } catch {
      // An event too long for a frame still says that something changed.
      this.peer.send(FrameType.Event, this.stream, { kind: 'gap' } satisfies UpstreamEvent);
    }
  }

  end(message: string): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose = undefined;
    this.onEnd();
    this.peer.send(FrameType.Watched, this.stream, { ok: false, message });
  }

  /** The other side closed it or is gone. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose?.();
    this.onClose = undefined;
  }
}
