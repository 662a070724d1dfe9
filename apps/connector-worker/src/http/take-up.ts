import type { OutgoingCall } from '../connector.js';
import type { HttpReply } from './http-exchange.js';

/** Times that a broken stream of one call is taken up again without anything new. */
const MAX_RESUMPTIONS = 5;
/** What a server may ask for in milliseconds; without a wish of its own 500. */
const RETRY_MS = { least: 50, most: 5_000, unasked: 500 };

/**
 * A server may end a stream on purpose and expect to be asked for the rest (2025-11-25): `resume` asks for
 * what comes behind an event. Resolves with the last reply there was, also when the answer never came.
 */
export async function takeUp(
  call: OutgoingCall,
  broken: HttpReply,
  resume: (lastEventId: string) => Promise<HttpReply>,
): Promise<HttpReply> {
  let reply = broken;
  let last = '';
  for (
    let tries = 0;
    !reply.answer && reply.resume && !call.stopped && tries < MAX_RESUMPTIONS;
    tries++
  ) {
    const { lastEventId, retryMs = RETRY_MS.unasked } = reply.resume;
    if (lastEventId !== last) tries = 0;
    last = lastEventId;
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(Math.max(retryMs, RETRY_MS.least), RETRY_MS.most)),
    );
    if (call.stopped) break;
    const resumed = await resume(lastEventId).catch(() => undefined);
    if (!resumed) continue;
    if (resumed.status >= 400) return reply;
    reply =
      resumed.resume || resumed.answer || resumed.tooLarge
        ? resumed
        : { ...resumed, resume: reply.resume };
  }
  return reply;
}
