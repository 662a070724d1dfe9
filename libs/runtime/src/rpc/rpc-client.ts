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
import { ClientLink } from './client-link.js';
import { ClientWatches, type Watching, type WatchOptions } from './client-watches.js';
import { FrameError } from './frame-reader.js';
import { parsePayload, readResult, writeCall } from './messages.js';

/** After its own deadline the worker answers at once; a worker that does not is not waited for longer. */
const ANSWER_GRACE_MS = 5_000;
const REFRESH_MS = 120_000;
/** A call that was taken up has its own deadline in the worker; no connection allows a longer one. */
const RESUMED_MS = ASK_WAIT_MS + 10 * 60_000;
/** A worker that does not read is not fed any further. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;
/** Committed notes kept while there is no connection; a note lost beyond that only means a Late one more. */
const MAX_KEPT_NOTES = 200_000;
const NOTES_PER_FRAME = 10_000;
/** One that said it is stopping and is away for longer is not coming back soon. */
const BACK_MS = 60_000;
const BACKOFF_MS = { first: 25, most: 1_000 };

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

interface PendingRefresh {
  deadline: number;
  resolve(result: RefreshResult): void;
  reject(error: Error): void;
}

/** The dialling side of the framed protocol: one connection to one worker, kept up for ever. */
export class RpcClient {
  readonly address: RpcAddress;
  readonly #where: string;
  #link: ClientLink | undefined;
  #ready = false;
  /** When the worker said that it is stopping; until it or its successor is there again. */
  #leftAt = -Infinity;
  #closed = false;
  #attempt = 0;
  #stream = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #sweep: NodeJS.Timeout;
  readonly #calls = new ClientCalls();
  readonly #refreshes = new Map<number, PendingRefresh>();
  readonly #watches = new ClientWatches();
  #notes: string[] = [];
  #notesScheduled = false;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly options: RpcClientOptions) {
    this.address =
      typeof options.address === 'string' ? parseRpcAddress(options.address) : options.address;
    this.#where = describeAddress(this.address);
    // One timer for all deadlines: a timer for each call would cost more than the frame.
    this.#sweep = setInterval(() => this.#expire(), 500).unref();
    this.#dial();
  }

  /** Whether a call would leave now. */
  get ready(): boolean {
    return this.#ready && this.#leftAt === -Infinity;
  }

  /** It went in good order, so it or its successor is soon there again. */
  get leaving(): boolean {
    return performance.now() - this.#leftAt < BACK_MS;
  }

  get inFlight(): number {
    return this.#calls.size;
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
    const link = this.#link;
    if (!this.#ready || !link || link.writer.backlog > MAX_BACKLOG_BYTES)
      return Promise.resolve({ ok: false, message: this.#unreachable().message, close: () => {} });
    return this.#watches.open(link, this.#nextStream(), request, options);
  }

  /** Reconnects a connection's upstream and lists its tools; rejects when the worker cannot be asked. */
  refresh(request: RefreshRequest): Promise<RefreshResult> {
    const link = this.#link;
    if (!this.#ready || !link) return Promise.reject(this.#unreachable());
    const stream = this.#nextStream();
    link.send(FrameType.Refresh, stream, request);
    return new Promise((resolve, reject) => {
      this.#refreshes.set(stream, { deadline: performance.now() + REFRESH_MS, resolve, reject });
    });
  }

  /** Tells the worker that these outcomes are durable. Sent once per turn, after a reconnection if need be. */
  committed(callIds: readonly string[]): void {
    for (const id of callIds) this.#notes.push(id);
    if (!this.#ready && this.#notes.length > MAX_KEPT_NOTES)
      this.#notes = this.#notes.slice(-MAX_KEPT_NOTES / 2);
    if (this.#notesScheduled || !this.#ready) return;
    this.#notesScheduled = true;
    setImmediate(() => this.#sendNotes());
  }

  /** Sends what waits and ends; calls in flight resolve as `unknown`. */
  close(): void {
    if (this.#closed) return;
    if (this.#ready) this.#sendNotes();
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#sweep);
    this.#link?.end();
    this.#lost('This process is stopping.');
  }

  #dial(): void {
    if (this.#closed) return;
    const link: ClientLink = new ClientLink({
      address: this.address,
      key: this.options.key,
      instanceId: this.options.instanceId,
      takesLate: this.options.onLate !== undefined,
      onReady: () => this.#onReady(),
      onFrame: (type, stream, payload) => {
        try {
          this.#onFrame(type, stream, payload);
        } catch (error) {
          // A frame that cannot be read is the worker's; what a callback throws is one call's affair.
          if (error instanceof FrameError) throw error;
          this.options.onFault?.(error);
        }
      },
      onClose: (reason) => {
        if (this.#link !== link) return;
        this.#lost(reason);
        this.#redial();
      },
    });
    this.#link = link;
  }

  #redial(): void {
    if (this.#closed) return;
    const wait = Math.min(BACKOFF_MS.first * 2 ** this.#attempt++, BACKOFF_MS.most);
    // Jitter, so that a fleet does not dial a restarted worker in step.
    this.#retry = setTimeout(() => this.#dial(), wait * (0.5 + Math.random() / 2));
  }

  #onReady(): void {
    this.#ready = true;
    this.#leftAt = -Infinity;
    this.#attempt = 0;
    if (this.#notes.length > 0) this.#sendNotes();
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    this.options.onState?.(true);
  }

  #lost(reason: string): void {
    const link = this.#link;
    const was = this.#ready;
    this.#ready = false;
    this.#link = undefined;
    this.#calls.lost(link);
    for (const refresh of this.#refreshes.values()) refresh.reject(this.#unreachable());
    this.#refreshes.clear();
    this.#watches.lost(reason);
    if (was) this.options.onState?.(false, reason);
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
        this.#leftAt = performance.now();
        return;
      case FrameType.Late:
        return this.options.onLate?.(parsePayload<LateOutcome[]>(payload));
      case FrameType.Refreshed: {
        const refresh = this.#refreshes.get(stream);
        this.#refreshes.delete(stream);
        return refresh?.resolve(parsePayload<RefreshResult>(payload));
      }
    }
  }

  #expire(): void {
    const now = performance.now();
    this.#calls.expire(now);
    for (const [stream, refresh] of this.#refreshes) {
      if (refresh.deadline > now) continue;
      this.#refreshes.delete(stream);
      refresh.reject(
        new ConducktorError('upstream_timeout', 'Refreshing the connection took too long.'),
      );
    }
    this.#watches.expire(now);
  }

  #sendNotes(): void {
    this.#notesScheduled = false;
    if (!this.#ready || !this.#link || this.#notes.length === 0) return;
    const notes = this.#notes;
    this.#notes = [];
    for (let at = 0; at < notes.length; at += NOTES_PER_FRAME) {
      this.#link.send(FrameType.Committed, 0, { callIds: notes.slice(at, at + NOTES_PER_FRAME) });
    }
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
    const link = this.#link;
    if (!this.#ready || !link)
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
