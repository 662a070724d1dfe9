/** uint32 length of the rest · uint8 type · uint32 stream. */
export const FRAME_HEADER_BYTES = 9;

/** Upstream results end at 10 MB; the rest is room for heads and for characters of three bytes. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** The other side does not speak the protocol: the connection is closed, nothing is skipped. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

export type OnFrame = (type: number, stream: number, payload: Buffer) => void;

/**
 * Cuts a byte stream into frames, however it was split. A payload is only valid during `onFrame`:
 * it may share memory with the chunk that brought it.
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

  /** Throws FrameError for a length that no frame can have. */
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
      if (length < FRAME_HEADER_BYTES - 4 || length > this.maxFrameBytes) {
        throw new FrameError(`A frame of ${length} bytes is not allowed here.`);
      }
      if (chunk.length - at < 4 + length) break;
      const end = at + 4 + length;
      this.onFrame(
        chunk[at + 4]!,
        chunk.readUInt32BE(at + 5),
        chunk.subarray(at + FRAME_HEADER_BYTES, end),
      );
      at = end;
    }
    this.#keep(chunk, at);
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at;
    this.#needed = rest < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : 4 + chunk.readUInt32BE(at);
    if (rest === 0) return;
    this.#pending = [chunk.subarray(at)];
    this.#pendingBytes = rest;
  }
}
