import type { Duplex } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  CHECKED_FROM,
  FRAME_HEADER_BYTES,
  FrameError,
  LENGTH_BYTES,
  lengthCheck,
  MAX_FRAME_BYTES,
} from './frame-reader.js';

const SLAB_BYTES = 64 * 1024;

/**
 * Writes frames to one stream. All frames of one turn of the event loop leave in one write: at 64
 * calls in flight that is one system call instead of 64.
 *
 * A frame's payload is JSON, or JSON with a text behind it that is carried as it is:
 * uint32 length of the JSON · JSON · text. Arguments and results travel as that text, so that they
 * are neither escaped into a JSON string nor parsed twice.
 */
export class FrameWriter {
  #slab = Buffer.allocUnsafe(SLAB_BYTES);
  /** Where the frames that have not been handed to the stream begin and end in the slab. */
  #start = 0;
  #end = 0;
  #scheduled = false;
  #closed = false;
  #flushes = 0;

  constructor(
    private readonly stream: Duplex,
    private readonly maxFrameBytes = MAX_FRAME_BYTES,
  ) {}

  /** How often frames were handed to the stream: a frame written since the last time never left. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Bytes that wait here or in the stream. */
  get backlog(): number {
    return this.#end - this.#start + this.stream.writableLength;
  }

  /** Appends a frame whose payload is `json`; throws FrameError when it is too long. */
  json(type: number, stream: number, json: string): void {
    const at = this.#begin(type, stream, FRAME_HEADER_BYTES + bytesAtMost(json));
    this.#finish(at, at + FRAME_HEADER_BYTES + this.#slab.write(json, at + FRAME_HEADER_BYTES));
  }

  /** Appends a frame of a JSON head and a text; throws FrameError when it is too long. */
  jsonAndText(type: number, stream: number, json: string, text: string): void {
    const at = this.#begin(
      type,
      stream,
      FRAME_HEADER_BYTES + 4 + bytesAtMost(json) + bytesAtMost(text),
    );
    const head = at + FRAME_HEADER_BYTES + 4;
    const headBytes = this.#slab.write(json, head);
    this.#slab.writeUInt32BE(headBytes, head - 4);
    this.#finish(at, head + headBytes + this.#slab.write(text, head + headBytes));
  }

  /** Hands everything to the stream now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed || this.#end === this.#start) return;
    const bytes = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#flushes++;
    this.stream.write(bytes);
  }

  close(): void {
    this.#closed = true;
  }

  #begin(type: number, stream: number, room: number): number {
    if (this.#end + room > this.#slab.length) this.#grow(room);
    const at = this.#end;
    this.#slab[at + CHECKED_FROM] = type;
    this.#slab.writeUInt32BE(stream, at + CHECKED_FROM + 1);
    return at;
  }

  #finish(at: number, end: number): void {
    const length = end - at - LENGTH_BYTES;
    if (length > this.maxFrameBytes)
      throw new FrameError(
        `A frame of ${length} bytes is over the limit of ${this.maxFrameBytes}.`,
      );
    this.#slab.writeUInt32BE(length, at);
    this.#slab[at + 4] = lengthCheck(length);
    this.#slab.writeUInt32BE(crc32(this.#slab.subarray(at + CHECKED_FROM, end)), at + 5);
    this.#end = end;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  // The stream may still hold what was written from the old slab, so a slab is never used again.
  #grow(room: number): void {
    const waiting = this.#slab.subarray(this.#start, this.#end);
    const slab = Buffer.allocUnsafe(Math.max(SLAB_BYTES, waiting.length + room));
    waiting.copy(slab);
    this.#slab = slab;
    this.#start = 0;
    this.#end = waiting.length;
  }
}

/** A short text is given three bytes a character rather than be counted; a long one is counted. */
function bytesAtMost(text: string): number {
  return text.length < 4096 ? text.length * 3 : Buffer.byteLength(text);
}
