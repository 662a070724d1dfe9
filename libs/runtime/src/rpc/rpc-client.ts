import {
  type AskNote,
  type CallRequest,
  type CallResult,
  ConducktorError,
  FrameType,
  type LateOutcome,
  type NotificationNote,
  type ProgressNote,
  type RefreshRequest,
  type RefreshResult,
  type ResumeRequest,
  type UpstreamEvent,
  type WatchAnswer,
  type WatchRequest,
} from '@conducktor/contracts';
import { describeAddress, parseRpcAddress, type RpcAddress } from './address.js';
import { ASK_WAIT_MS, type CallOptions, ClientCalls, notSent } from './client-calls.js';
import type { ClientLink } from './client-link.js';
import { ClientRefreshes } from './client-refreshes.js';
import { ClientWatches, type Watching, type WatchOptions } from './client-watches.js';
import { CommittedNotes } from './committed-notes.js';
import { FrameError } from './frame-reader.js';
import { parsePayload, readResult, writeCall } from './messages.js';
import { StandingLink } from './standing-link.js';

/** After its own deadline the worker answers at once; a worker that does not is not waited for longer. */
const ANSWER_GRACE_MS = 5_000;
/** A call that was taken up has its own deadline in the worker; no connection allows a longer one. */
const RESUMED_MS = ASK_WAIT_MS + 10 * 60_000;
/** A worker that does not read is not fed any further. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;

export interface RpcClientOptions {
  /** `host:port`, `/path/of/a/socket`, or parsed. */
  address: string | RpcAddress;
  /** deriveKey(SECRET_KEY, 'rpc') */
  key: Buffer;
  /** Names this process to the worker; the same name after a reconnection gets its own late outcomes. */
  instanceId: string;
  /**
   * For processes that keep a journal. Outcomes of calls whose connection was lost before they were committed. They come again until
   * `committed` names them, and may name calls that are already settled or belong to another gateway.
   */
  onLate?: (outcomes: LateOutcome[]) => void;
  onState?: (ready: boolean, reason?: string) => void;
  /** A callback of one call or watch threw. Its frame is lost; the others go on. */
  onFault?: (error: unknown) => void;
}

/** The dialling side of the framed protocol: what is asked of one worker, and what it answers. */
export class RpcClient {
  readonly address: RpcAddress;
  readonly #where: string;
  readonly #connection: StandingLink;
  readonly #sweep: NodeJS.Timeout;
  readonly #calls = new ClientCalls();
  readonly #refreshes = new ClientRefreshes();
  readonly #watches = new ClientWatches();
  readonly #notes: CommittedNotes;
  #stream = 0;
  #closed = false;

  constructor(private readonly options: RpcClientOptions) {
    this.address =
      typeof options.address === 'string' ? parseRpcAddress(options.address) : options.address;
    this.#where = describeAddress(this.address);
    // One timer for all deadlines: a timer for each call would cost more than the frame.
    this.#sweep = setInterval(() => this.#expire(), 500).unref();
    this.#connection = new StandingLink({
      address: this.address,
      key: options.key,
      instanceId: options.instanceId,
      takesLate: options.onLate !== undefined,
      onReady: () => this.#onReady(),
      onLost: (joined, reason) => this.#onLost(joined, reason),
      onFrame: (type, stream, payload) => {
        try {
          this.#onFrame(type, stream, payload);
        } catch (error) {
          // A frame that cannot be read is the worker's; what a callback throws is one call's affair.
          if (error instanceof FrameError) throw error;
          options.onFault?.(error);
        }
      },
    });
    this.#notes = new CommittedNotes(this.#connection);
  }

  /** Whether a call would leave now. */
  get ready(): boolean {
    return this.#connection.ready;
  }

  /** It went in good order, so it or its successor is soon there again. */
  get leaving(): boolean {
    return this.#connection.leaving;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** True as soon as connected, false when that took longer than `limitMs`. */
  whenReady(limitMs: number): Promise<boolean> {
    return this.#connection.whenReady(limitMs);
  }

  /**
   * Has the worker make one call. Always resolves: `unavailable` (or `not_sent` when already
   * aborted) if the request never left this process, `unknown` when the connection was lost after
   * it left or the worker did not keep its deadline.
   */
  call(request: CallRequest, options: CallOptions = {}): Promise<CallResult> {
    return this.#begin(request.timeoutMs, options, (link, stream) =>
      writeCall(link.writer, stream, request),
    );
  }

  /**
   * Takes up a call that waits for replies and resolves with its result, as `call` does. Questions that
   * the replies leave open are asked again, of this caller. `unknown` when the worker holds no such call.
   */
  resume(request: ResumeRequest, options: CallOptions = {}): Promise<CallResult> {
    return this.#begin(RESUMED_MS, options, (link, stream) =>
      link.send(FrameType.Resume, stream, request),
    );
  }

  /**
   * Listens to one connection's upstream. Resolves when the worker has subscribed or was refused; never
   * rejects. A watch does not outlive the connection to the worker: `onClosed` tells, and who still
   * wants it watches again.
   */
  watch(request: WatchRequest, options: WatchOptions): Promise<Watching> {
    const link = this.#connection.joined;
    if (!link || link.writer.backlog > MAX_BACKLOG_BYTES)
      return Promise.resolve({ ok: false, message: this.#unreachable().message, close: () => {} });
    return this.#watches.open(link, this.#nextStream(), request, options);
  }

  /** Reconnects a connection's upstream and lists its tools; rejects when the worker cannot be asked. */
  refresh(request: RefreshRequest): Promise<RefreshResult> {
    const link = this.#connection.joined;
    if (!link) return Promise.reject(this.#unreachable());
    return this.#refreshes.open(link, this.#nextStream(), request);
  }

  /** Tells the worker that these outcomes are durable. Sent once per turn, after a reconnection if need be. */
  committed(callIds: readonly string[]): void {
    this.#notes.add(callIds);
  }

  /** Sends what waits and ends; calls in flight resolve as `unknown`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweep);
    this.#notes.send();
    this.#connection.close('This process is stopping.');
  }

  #onReady(): void {
    this.#notes.send();
    this.options.onState?.(true);
  }

  #onLost(joined: ClientLink | undefined, reason: string): void {
    this.#calls.lost(joined);
    this.#refreshes.lost(this.#unreachable());
    this.#watches.lost(reason);
    if (joined) this.options.onState?.(false, reason);
  }

  #onFrame(type: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FrameType.Result:
        return this.#calls.answered(stream, readResult(payload));
      case FrameType.Progress:
        return this.#calls.get(stream)?.options.onProgress?.(parsePayload<ProgressNote>(payload));
      case FrameType.Ask:
        return this.#calls.asked(stream, parsePayload<AskNote>(payload));
      case FrameType.Notify:
        return this.#calls
          .get(stream)
          ?.options.onNotification?.(parsePayload<NotificationNote>(payload));
      case FrameType.Watched:
        return this.#watches.answered(stream, parsePayload<WatchAnswer>(payload));
      case FrameType.Event:
        return this.#watches.event(stream, parsePayload<UpstreamEvent>(payload));
      case FrameType.Leaving:
        return this.#connection.leaves();
      case FrameType.Late:
        return this.options.onLate?.(parsePayload<LateOutcome[]>(payload));
      case FrameType.Refreshed:
        return this.#refreshes.answered(stream, parsePayload<RefreshResult>(payload));
    }
  }

  #expire(): void {
    const now = performance.now();
    this.#calls.expire(now);
    this.#refreshes.expire(now);
    this.#watches.expire(now);
  }

  #nextStream(): number {
    do this.#stream = this.#stream >= 0xffff_ffff ? 1 : this.#stream + 1;
    while (
      this.#calls.has(this.#stream) ||
      this.#refreshes.has(this.#stream) ||
      this.#watches.has(this.#stream)
    );
    return this.#stream;
  }

  #begin(
    timeoutMs: number,
    options: CallOptions,
    write: (link: ClientLink, stream: number) => void,
  ): Promise<CallResult> {
    if (options.signal?.aborted)
      return Promise.resolve({
        outcome: 'not_sent',
        message: 'The call was given up before it was sent.',
        durationMs: 0,
      });
    const link = this.#connection.joined;
    if (!link)
      return Promise.resolve(
        notSent('The connector worker is not reachable; the call was not sent.'),
      );
    if (link.writer.backlog > MAX_BACKLOG_BYTES)
      return Promise.resolve(notSent('The connector worker is overloaded; the call was not sent.'));
    const stream = this.#nextStream();
    try {
      write(link, stream);
    } catch {
      return Promise.resolve(notSent('The arguments are too large to send.'));
    }
    return this.#calls.add(link, stream, timeoutMs + ANSWER_GRACE_MS, options);
  }

  #unreachable(): ConducktorError {
    return new ConducktorError(
      'upstream_unavailable',
      `The connector worker at ${this.#where} is not reachable.`,
    );
  }
}
