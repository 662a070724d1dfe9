const FIRST_BYTES = 64 * 1024;

/**
 * Chunks as they come, in one piece. It takes at most about twice their bytes, however small they are:
 * a Buffer of a single byte costs more than a hundred, and holds on to what it was cut from.
 */
export class GatheredBytes {
  #held: Buffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    // Most texts come in one chunk, which is not copied.
    if (this.#held === undefined) this.#held = chunk;
    else {
      if (length > this.#held.length) {
        const larger = Buffer.allocUnsafe(Math.max(2 * this.#length, length, FIRST_BYTES));
        this.#held.copy(larger, 0, 0, this.#length);
        this.#held = larger;
      }
      chunk.copy(this.#held, this.#length);
    }
    this.#length = length;
  }

  /** Everything so far; from now on it gathers anew. */
  take(): Buffer {
    const all = (this.#held ?? Buffer.alloc(0)).subarray(0, this.#length);
    this.#held = undefined;
    this.#length = 0;
    return all;
  }
}
