/** Clients that do not take what they are owed: it must not lie in memory for as long as they like. */
import type { ServerResponse } from 'node:http';

/** Taking nothing for this long is being gone or hostile. */
const STALLED_MS = 30_000;

/**
 * Closes the connection once nothing was written to it and nothing of what was written has left, for
 * `ms`; who reads slowly is not cut off, however much it is. Node's socket timer counts in this way,
 * also after `end`. When the answer has gone out the server's own timeouts take over.
 */
export function dropWhenStalled(response: ServerResponse, ms = STALLED_MS): void {
  response.setTimeout(ms, () => response.destroy());
}
