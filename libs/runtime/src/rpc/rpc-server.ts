import { createServer, type Server, type Socket } from 'node:net';
import {
  type CallRequest,
  type CallResult,
  type CommittedNote,
  FrameType,
  type LateOutcome,
  type ProgressNote,
  type RefreshRequest,
  type RefreshResult,
} from '@conducktor/contracts';
import type { RpcAddress } from './address.js';
import { FrameError, FrameReader, MAX_FRAME_BYTES } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
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

/** A dialler pings every few seconds; one that is silent for this long is gone. */
const SILENT_MS = 15_000;
/** A dialler that does not read its results is cut off before they fill the memory. */
const MAX_BACKLOG_BYTES = 256 * 1024 * 1024;
const MAX_CONNECTIONS = 512;

/** A gateway or control process that proved itself. */
export interface RpcPeer {
  readonly instanceId: string;
  readonly takesLate: boolean;
  /** False when the connection is gone; then nothing was sent. */
  sendLate(outcomes: LateOutcome[]): boolean;
}

/** One call as its handler sees it. */
export interface RpcExchange {
  readonly peer: RpcPeer;
  readonly cancelled: boolean;
  /** Set by the handler: the caller gave up. The handler still answers. Not called when the peer is lost. */
  onCancel: (() => void) | undefined;
  /** Dropped when the peer is gone. */
  progress(note: ProgressNote): void;
}

export interface RpcHandlers {
  /** Must always resolve; the answer is dropped when the peer is gone by then. */
  call(request: CallRequest, exchange: RpcExchange): Promise<CallResult>;
  refresh(request: RefreshRequest): Promise<RefreshResult>;
  committed(callIds: string[], peer: RpcPeer): void;
  joined?(peer: RpcPeer): void;
  left?(peer: RpcPeer): void;
}

export interface RpcServerOptions {
  listen: RpcAddress;
  /** deriveKey(SECRET_KEY, 'rpc') */
  key: Buffer;
  handlers: RpcHandlers;
  /** A connection was closed for a reason worth a log line. */
  onRefused?: (reason: string) => void;
}

/** The worker's side of the framed protocol of contracts/rpc.ts. */
export class RpcServer {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #sweep: NodeJS.Timeout;

  private constructor(private readonly options: RpcServerOptions) {
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      const link = new Link(socket, options, () => this.#links.delete(link));
      this.#links.add(link);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#sweep = setInterval(() => {
      const now = Date.now();
      for (const link of this.#links) link.sweep(now);
    }, 1_000).unref();
  }

  /** Resolves once listening; rejects when the address is taken. */
  static async listen(options: RpcServerOptions): Promise<RpcServer> {
    const server = new RpcServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.listen, () => {
        server.#server.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  /** The port in use, for `port: 0`. */
  get port(): number {
    const address = this.#server.address();
    return address && typeof address === 'object' ? address.port : 0;
  }

  get peers(): RpcPeer[] {
    return [...this.#links].filter((link) => link.joined);
  }

  /** Takes no new connections; those there are stay until they end or `close` is called. */
  stopListening(): void {
    this.#server.close();
  }

  /** Sends what waits, then ends every connection. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.end();
    await closed;
  }
}

class Exchange implements RpcExchange {
  cancelled = false;
  onCancel: (() => void) | undefined;
  constructor(
    readonly peer: Link,
    readonly stream: number,
  ) {}
  progress(note: ProgressNote): void {
    this.peer.send(FrameType.Progress, this.stream, note);
  }
}

class Link implements RpcPeer {
  instanceId = '';
  takesLate = false;
  joined = false;
  #alive = true;
  #heardAt = Date.now();
  readonly #nonce = newNonce();
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #open = new Map<number, Exchange>();
  readonly #handshake: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly options: RpcServerOptions,
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
    this.send(FrameType.Challenge, 0, { version: RPC_VERSION, nonce: this.#nonce });
  }

  send(type: number, stream: number, message: unknown): void {
    if (this.#alive) this.#writer.json(type, stream, JSON.stringify(message));
  }

  sendLate(outcomes: LateOutcome[]): boolean {
    if (this.#alive && outcomes.length > 0) this.send(FrameType.Late, 0, outcomes);
    return this.#alive;
  }

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
    this.#heardAt = Date.now();
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
        return this.#call(stream, readCall(payload));
      case FrameType.Cancel: {
        const exchange = this.#open.get(stream);
        if (!exchange || exchange.cancelled) return;
        exchange.cancelled = true;
        return exchange.onCancel?.();
      }
      case FrameType.Committed:
        return this.options.handlers.committed(parsePayload<CommittedNote>(payload).callIds, this);
      case FrameType.Refresh:
        return this.#refresh(stream, parsePayload<RefreshRequest>(payload));
      case FrameType.Ping:
        return this.send(FrameType.Pong, stream, {});
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
    this.options.handlers.joined?.(this);
  }

  #call(stream: number, request: CallRequest): void {
    if (this.#open.has(stream)) throw new FrameError('A stream was used twice.');
    const exchange = new Exchange(this, stream);
    this.#open.set(stream, exchange);
    void this.options.handlers
      .call(request, exchange)
      .catch((): CallResult => ({
        outcome: 'unknown',
        message:
          'The connector worker failed while handling this call; whether it acted is not known.',
        durationMs: 0,
      }))
      .then((result) => {
        this.#open.delete(stream);
        if (!this.#alive) return;
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
      });
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
    this.onGone();
    if (this.joined) {
      this.joined = false;
      this.options.handlers.left?.(this);
    }
  }
}
