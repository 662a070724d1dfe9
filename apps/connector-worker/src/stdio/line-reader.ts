import { GatheredBytes } from '../gathered-bytes.js';

const NEWLINE = 10;
const ENDS_BYTES = 512;
/** How many times the limit a line may have before it counts as one without end. */
const ENDLESS = 4;

/**
 * Cuts standard output into lines. A line over the limit is not kept, only its two ends, from which
 * can be told whose answer it was.
 */
export class LineReader {
  readonly #line = new GatheredBytes();
  /** Of a line over the limit. */
  #bytes = 0;
  #overlong: { head: string; tail: string } | undefined;

  constructor(
    private readonly deps: {
      maxBytes: number;
      onLine(text: string): void;
      onOverlong(head: string, tail: string): void;
      /** This line is of no use to anybody, and reading it costs as much as it is long. Once for each. */
      onEndless(): void;
    },
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  #add(part: Buffer): void {
    if (this.#overlong) {
      const before = this.#bytes;
      this.#bytes += part.length;
      const endless = this.deps.maxBytes * ENDLESS;
      if (before <= endless && this.#bytes > endless) this.deps.onEndless();
      this.#overlong.tail = (
        this.#overlong.tail + part.subarray(-ENDS_BYTES).toString('latin1')
      ).slice(-ENDS_BYTES);
      return;
    }
    this.#line.add(part);
    if (this.#line.length <= this.deps.maxBytes) return;
    const line = this.#line.take();
    this.#bytes = line.length;
    this.#overlong = {
      head: line.subarray(0, ENDS_BYTES).toString('latin1'),
      tail: line.subarray(-ENDS_BYTES).toString('latin1'),
    };
  }

  #endLine(): void {
    const overlong = this.#overlong;
    const line = this.#line.take();
    this.#overlong = undefined;
    if (overlong) this.deps.onOverlong(overlong.head, overlong.tail);
    else if (line.length > 0) this.deps.onLine(line.toString('utf8'));
  }
}
