import type { IncomingMessage } from 'node:http';

/** Whoever sends more than this is cut off; time is bounded by the server's `requestTimeout`. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Reads and drops what is left of a body that is refused for its size. A connection that is closed while somebody
 * still writes is reset, and takes the answer with it: the gateway in front then said that nobody is here.
 */
export function hearOut(body: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (body.readableEnded || body.destroyed) return resolve();
    let left = MOST_BYTES;
    body.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) resolve();
    });
    for (const end of ['end', 'close', 'error']) body.once(end, () => resolve());
    body.resume();
  });
}
