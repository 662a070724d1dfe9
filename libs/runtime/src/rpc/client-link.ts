import { connect, type Socket } from 'node:net';
import { FrameType } from '@conducktor/contracts';
import type { RpcAddress } from './address.js';
import { FrameError, FrameReader, MAX_FRAME_BYTES } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import {
  type Challenge,
  checkChallenge,
  HANDSHAKE_FRAME_BYTES,
  HANDSHAKE_MS,
  newNonce,
  type ProofParts,
  prove,
  verify,
  type Welcome,
} from './handshake.js';
import { parsePayload } from './messages.js';

const PING_MS = 2_000;
/** Nothing heard, not even an answer to a ping: the connection is half open. */
const DEAD_MS = 7_000;

export interface ClientLinkOptions {
  address: RpcAddress;
  key: Buffer;
  instanceId: string;
  takesLate: boolean;
  onReady(): void;
  onFrame(type: number, stream: number, payload: Buffer): void;
  /** Once, also when the connection never came up. */
  onClose(reason: string): void;
}

/** One connection of an RpcClient: dials, proves itself, pings, ends once. */
export class ClientLink {
  readonly writer: FrameWriter;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #handshake: NodeJS.Timeout;
  #ping: NodeJS.Timeout | undefined;
  #heardAt = performance.now();
  #parts: ProofParts | undefined;
  #joined = false;
  #alive = true;

  constructor(private readonly options: ClientLinkOptions) {
    this.#socket = connect({ ...options.address, noDelay: true, keepAlive: true });
    this.writer = new FrameWriter(this.#socket);
    this.#reader = new FrameReader(
      (type, stream, payload) => this.#onFrame(type, stream, payload),
      HANDSHAKE_FRAME_BYTES,
    );
    this.#handshake = setTimeout(
      () => this.#close('The worker did not prove itself in time.'),
      HANDSHAKE_MS,
    );
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', (error) => this.#close(error.message));
    this.#socket.on('close', () => this.#close('The worker closed the connection.'));
  }

  send(type: number, stream: number, message: unknown): void {
    if (this.#alive) this.writer.json(type, stream, JSON.stringify(message));
  }

  /** Sends what waits and ends the connection. */
  end(): void {
    this.writer.flush();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 500).unref();
    clearTimeout(this.#handshake);
    clearInterval(this.#ping);
  }

  #onData(chunk: Buffer): void {
    this.#heardAt = performance.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#close(error.message);
    }
  }

  #onFrame(type: number, stream: number, payload: Buffer): void {
    if (!this.#alive) return;
    if (this.#joined)
      return type === FrameType.Pong ? undefined : this.options.onFrame(type, stream, payload);
    if (type === FrameType.Challenge && !this.#parts)
      return this.#answer(parsePayload<Challenge>(payload));
    if (type === FrameType.Welcome && this.#parts)
      return this.#join(parsePayload<Welcome>(payload));
    throw new FrameError('The worker did not keep to the handshake.');
  }

  #answer(message: Challenge): void {
    const { instanceId, takesLate, key } = this.options;
    this.#parts = {
      workerNonce: checkChallenge(message).nonce,
      diallerNonce: newNonce(),
      instanceId,
      takesLate,
    };
    this.send(FrameType.Proof, 0, {
      nonce: this.#parts.diallerNonce,
      instanceId,
      takesLate,
      mac: prove(key, 'dialler', this.#parts),
    });
  }

  #join(message: Welcome): void {
    verify(prove(this.options.key, 'worker', this.#parts!), message?.mac);
    clearTimeout(this.#handshake);
    this.#joined = true;
    this.#reader.maxFrameBytes = MAX_FRAME_BYTES;
    let tickedAt = performance.now();
    this.#ping = setInterval(() => {
      const now = performance.now();
      // Where this process itself stood still, what came meanwhile is read only after this.
      const wasAwake = now - tickedAt < 2 * PING_MS;
      tickedAt = now;
      if (wasAwake && now - this.#heardAt > DEAD_MS) return this.#close('The worker fell silent.');
      this.send(FrameType.Ping, 0, {});
    }, PING_MS).unref();
    this.options.onReady();
  }

  #close(reason: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.writer.close();
    clearTimeout(this.#handshake);
    clearInterval(this.#ping);
    this.#socket.destroy();
    this.options.onClose(reason);
  }
}
