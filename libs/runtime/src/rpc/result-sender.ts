import type { CallResult } from '@conducktor/contracts';
import type { FrameWriter } from './frame-writer.js';
import { LARGE, LargeResults } from './large-results.js';
import { writeResult } from './messages.js';

/** With so much before them, large results wait: small ones of others must not wait behind them. */
const BUSY_BYTES = 16 * 1024 * 1024;

/** Results on their way to one dialler: small ones leave at once, large ones when there is room. */
export class ResultSender {
  readonly #large = new LargeResults();

  constructor(private readonly writer: FrameWriter) {}

  send(stream: number, tenantId: string, result: CallResult): void {
    const { resultJson, error, durationMs } = result;
    const size = resultJson?.length ?? (error ? JSON.stringify(error).length : 0);
    const waits = size > LARGE && (this.#large.any || this.writer.backlog > BUSY_BYTES);
    if (!waits) return this.#write(stream, result);
    if (this.#large.add(tenantId, size, () => this.#write(stream, result))) return;
    const message = 'The result was discarded: too many large ones came at once.';
    this.#write(stream, { outcome: 'error', error: { code: -32603, message }, durationMs });
  }

  /** The socket has taken what it was given. */
  drained(): void {
    while (this.#large.any && this.writer.backlog <= BUSY_BYTES) this.#large.next();
  }

  /** The dialler is gone: what waits goes nowhere. */
  clear(): void {
    this.#large.clear();
  }

  #write(stream: number, result: CallResult): void {
    try {
      writeResult(this.writer, stream, result);
    } catch {
      const { durationMs } = result;
      writeResult(this.writer, stream, {
        outcome: 'error',
        error: { code: -32603, message: 'The result is too large.' },
        durationMs,
      });
    }
  }
}
