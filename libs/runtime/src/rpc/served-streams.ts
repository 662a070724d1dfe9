import {
  type CallResult,
  type CommittedNote,
  FrameType,
  type RefreshRequest,
  type RefreshResult,
  type ReplyNote,
  type ResumeRequest,
  type WatchAnswer,
  type WatchRequest,
} from '@conducktor/contracts';
import { FrameError } from './frame-reader.js';
import type { RpcHandlers } from './handlers.js';
import { parsePayload, readCall } from './messages.js';
import type { ResultSender } from './result-sender.js';
import { Exchange, type Sender, WatchStream } from './server-streams.js';

/** What one dialler asks for, once he has proved himself: calls, watches and refreshes, each on its stream. */
export class ServedStreams {
  readonly #open = new Map<number, Exchange>();
  readonly #watches = new Map<number, WatchStream>();
  #closed = false;

  constructor(
    private readonly peer: Sender,
    private readonly handlers: RpcHandlers,
    private readonly results: ResultSender,
  ) {}

  /** Throws FrameError for what no dialler may send. */
  onFrame(type: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FrameType.Call:
        return this.#call(stream, readCall(payload), (request, exchange) =>
          this.handlers.call(request, exchange),
        );
      case FrameType.Resume:
        return this.#call(stream, parsePayload<ResumeRequest>(payload), (request, exchange) =>
          this.handlers.resume(request, exchange),
        );
      case FrameType.Reply:
        return this.#open.get(stream)?.onReply?.(parsePayload<ReplyNote>(payload));
      case FrameType.Watch:
        return this.#watch(stream, parsePayload<WatchRequest>(payload));
      case FrameType.Cancel:
        this.#open.get(stream)?.cancel();
        return this.#closeWatch(stream);
      case FrameType.Committed:
        return this.handlers.committed(parsePayload<CommittedNote>(payload).callIds, this.peer);
      case FrameType.Refresh:
        return this.#refresh(stream, parsePayload<RefreshRequest>(payload));
      default:
        throw new FrameError(`A dialler sent a frame of type ${type}.`);
    }
  }

  /** The dialler is gone: his watches are over, and what his calls bring has nowhere to go. */
  close(): void {
    this.#closed = true;
    this.#open.clear();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #call<Request extends { tenantId: string }>(
    stream: number,
    request: Request,
    serve: (request: Request, exchange: Exchange) => Promise<CallResult>,
  ): void {
    this.#checkUnused(stream);
    const exchange = new Exchange(this.peer, stream);
    this.#open.set(stream, exchange);
    const answer = (result: CallResult): void => {
      this.#open.delete(stream);
      if (!this.#closed) this.results.send(stream, request.tenantId, result);
    };
    void serve(request, exchange).then(answer, () =>
      answer({
        outcome: 'unknown',
        message:
          'The connector worker failed while handling this call; whether it acted is not known.',
        durationMs: 0,
      }),
    );
  }

  #watch(stream: number, request: WatchRequest): void {
    this.#checkUnused(stream);
    const watch = new WatchStream(this.peer, stream, () => this.#watches.delete(stream));
    this.#watches.set(stream, watch);
    void this.handlers
      .watch(request, watch)
      .catch((): WatchAnswer => ({
        ok: false,
        message: 'The connector worker failed while subscribing.',
      }))
      .then((answer) => {
        if (watch.closed) return;
        if (!answer.ok) this.#closeWatch(stream);
        try {
          this.peer.send(FrameType.Watched, stream, answer);
        } catch {
          const message = 'The server refused the subscription at too great a length.';
          this.peer.send(FrameType.Watched, stream, { ok: false, message });
        }
      });
  }

  #closeWatch(stream: number): void {
    const watch = this.#watches.get(stream);
    this.#watches.delete(stream);
    watch?.close();
  }

  #checkUnused(stream: number): void {
    if (this.#open.has(stream) || this.#watches.has(stream))
      throw new FrameError('A stream was used twice.');
  }

  #refresh(stream: number, request: RefreshRequest): void {
    void this.handlers
      .refresh(request)
      .catch((): RefreshResult => ({
        status: 'ERROR',
        reason: 'The connector worker failed while refreshing this connection.',
        tools: [],
        ms: 0,
      }))
      .then((result) => {
        try {
          this.peer.send(FrameType.Refreshed, stream, result);
        } catch {
          this.peer.send(FrameType.Refreshed, stream, {
            status: 'ERROR',
            reason: 'The list of tools is too large.',
            tools: [],
            ms: result.ms,
          });
        }
      });
  }
}
