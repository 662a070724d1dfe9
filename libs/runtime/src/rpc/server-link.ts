import type { Socket } from 'node:net';
import {
  type CallResult,
  type CommittedNote,
  FrameType,
  type LateOutcome,
  type RefreshRequest,
  type RefreshResult,
  type ReplyNote,
  type ResumeRequest,
  type WatchAnswer,
  type WatchRequest,
} from '@conducktor/contracts';
import { FrameError, FrameReader, MAX_FRAME_BYTES } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import type { RpcHandlers } from './handlers.js';
import { LARGE, LargeResults } from './large-results.js';
import {
  checkProof,
  HANDSHAKE_FRAME_BYTES,
  HANDSHAKE_MS,
  newNonce,
  type Proof,
  prove,
  RPC_VERSION,
  verify,
} from './handshake.js';
import { parsePayload, readCall, writeResult } from './messages.js';
import { Exchange, type Sender, WatchStream } from './server-streams.js';

/** A dialler pings every few seconds; one that is silent for this long is gone. */
const SILENT_MS = 15_000;
/** A dialler that does not read its results is cut off before they fill the memory. */
const MAX_BACKLOG_BYTES = 256 * 1024 * 1024;
/** With so much before them, large results wait: small ones of others must not wait behind them. */
const BUSY_BYTES = 16 * 1024 * 1024;
/** With so much before it, a question is not put any more. */
const CONGESTED_BYTES = 64 * 1024 * 1024;

export interface LinkOptions {
  key: Buffer;
  handlers: RpcHandlers;
  onRefused?: (reason: string) => void;
}

/** One connection of an RpcServer: challenges, serves streams, ends once. */
export class Link implements Sender {
  instanceId = '';
  takesLate = false;
  joined = false;
  #leaving = false;
  #alive = true;
  #heardAt = performance.now();
  readonly #nonce = newNonce();
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #open = new Map<number, Exchange>();
  readonly #watches = new Map<number, WatchStream>();
  readonly #large = new LargeResults();
  readonly #handshake: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly options: LinkOptions,
    private readonly onGone: () => void,
  ) {
    this.#writer = new FrameWriter(socket);
    this.#reader = new FrameReader(
      (type, stream, payload) => this.#onFrame(type, stream, payload),
      HANDSHAKE_FRAME_BYTES,
    );
    this.#handshake = setTimeout(
      () => this.#refuse('The other side did not prove itself in time.'),
      HANDSHAKE_MS,
    ).unref();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#onClose());
    socket.on('drain', () => this.#sendLarge());
    this.send(FrameType.Challenge, 0, { version: RPC_VERSION, nonce: this.#nonce });
  }

  send(type: number, stream: number, message: unknown): boolean {
    if (this.#alive) this.#writer.json(type, stream, JSON.stringify(message));
    return this.#alive;
  }

  /** Says that this worker is stopping; to one who is just proving himself, when he has. */
  leave(): void {
    this.#leaving = true;
    if (this.joined) this.send(FrameType.Leaving, 0, {});
  }

  get isCongested(): boolean {
    return this.#writer.backlog > CONGESTED_BYTES;
  }

  sendLate(outcomes: LateOutcome[]): boolean {
    if (this.#alive && outcomes.length > 0) this.send(FrameType.Late, 0, outcomes);
    return this.#alive;
  }

  /** `now` as of performance.now(). */
  sweep(now: number): void {
    if (now - this.#heardAt > SILENT_MS) this.#refuse('A dialler fell silent.');
    else if (this.#writer.backlog > MAX_BACKLOG_BYTES)
      this.#refuse('A dialler does not read its results.');
  }

  end(): void {
    this.#writer.flush();
    this.socket.end();
    setTimeout(() => this.socket.destroy(), 500).unref();
  }

  #onData(chunk: Buffer): void {
    this.#heardAt = performance.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#refuse(
        error instanceof FrameError
          ? error.message
          : `A frame could not be handled: ${String(error)}`,
      );
    }
  }

  #onFrame(type: number, stream: number, payload: Buffer): void {
    // One chunk may hold frames behind the one that closed the connection.
    if (!this.#alive) return;
    if (!this.joined) {
      if (type !== FrameType.Proof)
        throw new FrameError('Nothing may be asked before the handshake.');
      return this.#join(parsePayload<Proof>(payload));
    }
    switch (type) {
      case FrameType.Call:
        return this.#call(stream, readCall(payload), (request, exchange) =>
          this.options.handlers.call(request, exchange),
        );
      case FrameType.Resume:
        return this.#call(stream, parsePayload<ResumeRequest>(payload), (request, exchange) =>
          this.options.handlers.resume(request, exchange),
        );
      case FrameType.Reply:
        return this.#open.get(stream)?.onReply?.(parsePayload<ReplyNote>(payload));
      case FrameType.Watch:
        return this.#watch(stream, parsePayload<WatchRequest>(payload));
      case FrameType.Cancel:
        this.#open.get(stream)?.cancel();
        return this.#closeWatch(stream);
      case FrameType.Committed:
        return this.options.handlers.committed(parsePayload<CommittedNote>(payload).callIds, this);
      case FrameType.Refresh:
        return this.#refresh(stream, parsePayload<RefreshRequest>(payload));
      case FrameType.Ping:
        return void this.send(FrameType.Pong, stream, {});
      default:
        throw new FrameError(`A dialler sent a frame of type ${type}.`);
    }
  }

  #join(message: Proof): void {
    const proof = checkProof(message);
    const parts = {
      workerNonce: this.#nonce,
      diallerNonce: proof.nonce,
      instanceId: proof.instanceId,
      takesLate: proof.takesLate,
    };
    verify(prove(this.options.key, 'dialler', parts), proof.mac);
    clearTimeout(this.#handshake);
    this.instanceId = proof.instanceId;
    this.takesLate = proof.takesLate;
    this.joined = true;
    this.#reader.maxFrameBytes = MAX_FRAME_BYTES;
    this.send(FrameType.Welcome, 0, { mac: prove(this.options.key, 'worker', parts) });
    if (this.#leaving) this.leave();
    this.options.handlers.joined?.(this);
  }

  #call<Request extends { tenantId: string }>(
    stream: number,
    request: Request,
    serve: (request: Request, exchange: Exchange) => Promise<CallResult>,
  ): void {
    this.#checkUnused(stream);
    const exchange = new Exchange(this, stream);
    this.#open.set(stream, exchange);
    const answer = (result: CallResult): void => {
      this.#open.delete(stream);
      if (this.#alive) this.#answer(stream, request.tenantId, result);
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

  #answer(stream: number, tenantId: string, result: CallResult): void {
    const { resultJson, error, durationMs } = result;
    const size = resultJson?.length ?? (error ? JSON.stringify(error).length : 0);
    const waits = size > LARGE && (this.#large.any || this.#writer.backlog > BUSY_BYTES);
    if (!waits) return this.#write(stream, result);
    if (this.#large.add(tenantId, size, () => this.#write(stream, result))) return;
    const message = 'The result was discarded: too many large ones came at once.';
    this.#write(stream, { outcome: 'error', error: { code: -32603, message }, durationMs });
  }

  /** The socket has taken what it was given. */
  #sendLarge(): void {
    while (this.#alive && this.#large.any && this.#writer.backlog <= BUSY_BYTES) this.#large.next();
  }

  #write(stream: number, result: CallResult): void {
    try {
      writeResult(this.#writer, stream, result);
    } catch {
      const { durationMs } = result;
      writeResult(this.#writer, stream, {
        outcome: 'error',
        error: { code: -32603, message: 'The result is too large.' },
        durationMs,
      });
    }
  }

  #watch(stream: number, request: WatchRequest): void {
    this.#checkUnused(stream);
    const watch = new WatchStream(this, stream, () => this.#watches.delete(stream));
    this.#watches.set(stream, watch);
    void this.options.handlers
      .watch(request, watch)
      .catch((): WatchAnswer => ({
        ok: false,
        message: 'The connector worker failed while subscribing.',
      }))
      .then((answer) => {
        if (watch.closed) return;
        if (!answer.ok) this.#closeWatch(stream);
        try {
          this.send(FrameType.Watched, stream, answer);
        } catch {
          const message = 'The server refused the subscription at too great a length.';
          this.send(FrameType.Watched, stream, { ok: false, message });
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
    void this.options.handlers
      .refresh(request)
      .catch((): RefreshResult => ({
        status: 'ERROR',
        reason: 'The connector worker failed while refreshing this connection.',
        tools: [],
        ms: 0,
      }))
      .then((result) => {
        try {
          this.send(FrameType.Refreshed, stream, result);
        } catch {
          this.send(FrameType.Refreshed, stream, {
            status: 'ERROR',
            reason: 'The list of tools is too large.',
            tools: [],
            ms: result.ms,
          });
        }
      });
  }

  #refuse(reason: string): void {
    if (!this.#alive) return;
    this.options.onRefused?.(reason);
    this.socket.destroy();
    this.#onClose();
  }

  #onClose(): void {
    if (!this.#alive) return;
    this.#alive = false;
    clearTimeout(this.#handshake);
    this.#writer.close();
    this.#open.clear();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    this.#large.clear();
    this.onGone();
    if (this.joined) {
      this.joined = false;
      this.options.handlers.left?.(this);
    }
  }
}
