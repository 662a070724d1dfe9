import type { Socket } from 'node:net';
import { FrameType, type LateOutcome } from '@conducktor/contracts';
import { FrameError, FrameReader, MAX_FRAME_BYTES } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import type { RpcHandlers } from './handlers.js';
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
import { parsePayload } from './messages.js';
import { ResultSender } from './result-sender.js';
import { ServedStreams } from './served-streams.js';
import type { Sender } from './server-streams.js';

/** A dialler pings every few seconds; one that is silent for this long is gone. */
const SILENT_MS = 15_000;
/** A dialler that does not read its results is cut off before they fill the memory. */
const MAX_BACKLOG_BYTES = 256 * 1024 * 1024;
/** With so much before it, a question is not put any more. */
const CONGESTED_BYTES = 64 * 1024 * 1024;

export interface LinkOptions {
  key: Buffer;
  handlers: RpcHandlers;
  onRefused?: (reason: string) => void;
}

/** One connection of an RpcServer: challenges, listens for silence, ends once. */
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
  readonly #results: ResultSender;
  readonly #served: ServedStreams;
  readonly #handshake: NodeJS.Timeout;

  constructor(
    private readonly socket: Socket,
    private readonly options: LinkOptions,
    private readonly onGone: () => void,
  ) {
    this.#writer = new FrameWriter(socket);
    this.#results = new ResultSender(this.#writer);
    this.#served = new ServedStreams(this, options.handlers, this.#results);
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
    socket.on('drain', () => this.#results.drained());
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
    if (type === FrameType.Ping) return void this.send(FrameType.Pong, stream, {});
    this.#served.onFrame(type, stream, payload);
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
    this.#served.close();
    this.#results.clear();
    this.onGone();
    if (this.joined) {
      this.joined = false;
      this.options.handlers.left?.(this);
    }
  }
}
