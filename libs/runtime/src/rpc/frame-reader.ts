import { crc32 } from 'node:zlib';

/** uint32 length of all behind it · uint8 exclusive or of its bytes · uint32 CRC-32 of what follows · uint8 type · uint32 stream. */
export const FRAME_HEADER_BYTES = 14;
/** Where the length begins to count, and where the part under the CRC begins. */
export const LENGTH_BYTES = 4;
export const CHECKED_FROM = 9;

/** Upstream results end at 10 MB; the rest is room for heads and for characters of three bytes. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** The other side does not speak the protocol: the connection is closed, nothing is skipped. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export type OnFrame = (type: number, stream: number, payload: Buffer) => void;

/** A length that was damaged is found at once, not when as many bytes have come. */
export function lengthCheck(length: number): number {
  return (length ^ (length >>> 8) ^ (length >>> 16) ^ (length >>> 24) ^ 0x5a) & 0xff;
}

/**
 * Cuts a byte stream into frames, however it was split, and refuses one whose bytes are not those that
 * were written: TCP's own sum is weak, and a byte in a stream id makes one caller's result another's. A payload
 * is only valid during `onFrame`: it may share memory with the chunk that brought it.
 */
export class FrameReader {
  /** Bytes of a frame that is not complete, and how many must be there before looking again. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #needed = FRAME_HEADER_BYTES;

  /** The limit may be raised later: before the handshake a peer is granted very little. */
  constructor(
    private readonly onFrame: OnFrame,
    public maxFrameBytes = MAX_FRAME_BYTES,
  ) {}

  /** Throws FrameError for a length that no frame can have, and for a frame that was damaged. */
  push(chunk: Buffer): void {
    if (this.#pendingBytes > 0) {
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      // A large frame comes in hundreds of chunks: joined once, not once per chunk.
      if (this.#pendingBytes < this.#needed) return;
      chunk = Buffer.concat(this.#pending, this.#pendingBytes);
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    let at = 0;
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const length = chunk.readUInt32BE(at);
      if (chunk[at + 4] !== lengthCheck(length)) throw new FrameError('A frame was damaged.');
      if (length < FRAME_HEADER_BYTES - LENGTH_BYTES || length > this.maxFrameBytes) {
        throw new FrameError(`A frame of ${length} bytes is not allowed here.`);
      }
      if (chunk.length - at < LENGTH_BYTES + length) break;
      const end = at + LENGTH_BYTES + length;
      if (crc32(chunk.subarray(at + CHECKED_FROM, end)) !== chunk.readUInt32BE(at + 5))
        throw new FrameError('A frame was damaged.');
      this.onFrame(
        chunk[at + CHECKED_FROM]!,
        chunk.readUInt32BE(at + CHECKED_FROM + 1),
        chunk.subarray(at + FRAME_HEADER_BYTES, end),
      );
      at = end;
    }
    this.#keep(chunk, at);
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at;
    this.#needed =
      rest < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : LENGTH_BYTES + chunk.readUInt32BE(at);
    if (rest === 0) return;
    this.#pending = [chunk.subarray(at)];
    this.#pendingBytes = rest;
  }
}
