/** How much of request bodies may be on its way at once: what has come of one is kept until all of it has. */
import type { IncomingMessage } from 'node:http';

/** More than this cannot be inspected, so it is refused. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** What is shorter is not counted: connections are bounded, and most calls are. */
const SHORT = 16 * 1024;

export class BodyRoom {
  #taken = 0;

  /** Bytes in all. */
  constructor(private readonly most: number) {}

  /** The room that this body needs, until it has come or its sender is gone; false: there is none. */
  take(request: IncomingMessage): boolean {
    const bytes = lengthOf(request);
    if (this.#taken + bytes > this.most) return false;
    this.#taken += bytes;
    request.once('close', () => (this.#taken -= bytes));
    return true;
  }
}

export const isShort = (request: IncomingMessage): boolean => lengthOf(request) <= SHORT;

/** One that comes in chunks may become the longest; one that is longer is not read. */
function lengthOf({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return MAX_BODY_BYTES;
  return Math.min(Number(headers['content-length'] ?? 0), MAX_BODY_BYTES);
}
