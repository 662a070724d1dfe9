/**
 * Legacy calls under way on this replica, so that `notifications/cancelled` finds them; one that is not
 * here may be on another, which is told. Keyed by principal, session and request id: 200 clients may
 * all use `id: 0` and none stops another's call. A request without a session cannot be named later and
 * is not kept.
 */
import type { Bus } from '../sessions/bus.js';
import type { RequestId } from './json-rpc.js';

export interface InFlight {
  /** Returns a function that forgets the call; call it when the call has ended. */
  add(
    principal: string,
    sessionId: string,
    requestId: RequestId,
    controller: AbortController,
  ): () => void;
  /** How many calls were told to stop here; if there are none, the other gateways are asked. */
  cancel(principal: string, sessionId: string, requestId: RequestId, reason: string): number;
  readonly size: number;
}

const CHANNEL = 'cancel';
/** Characters. Every gateway reads what is told to all: an id of megabytes, which nobody needs, is not. */
const MAX_TOLD = 1_024;

export function createInFlight(bus: Pick<Bus, 'publish' | 'listenWhenUp'>): InFlight {
  const calls = new Map<string, Set<AbortController>>();
  // JSON keeps the id 1 apart from the id "1", and no part can run into the next.
  const keyOf = (principal: string, sessionId: string, id: RequestId) =>
    JSON.stringify([principal, sessionId, id]);
  const cancelHere = (key: string, reason: string) => {
    const same = calls.get(key);
    if (!same) return 0;
    for (const controller of same) controller.abort(new Error(reason));
    return same.size;
  };
  bus.listenWhenUp(CHANNEL, (text) => {
    const { key, reason } = JSON.parse(text) as { key: string; reason: string };
    cancelHere(key, reason);
  });

  return {
    add(principal, sessionId, requestId, controller) {
      const key = keyOf(principal, sessionId, requestId);
      const same = calls.get(key) ?? new Set();
      same.add(controller);
      calls.set(key, same);
      return () => {
        same.delete(controller);
        if (same.size === 0 && calls.get(key) === same) calls.delete(key);
      };
    },
    cancel(principal, sessionId, requestId, reason) {
      const key = keyOf(principal, sessionId, requestId);
      const found = cancelHere(key, reason);
      // Without Redis a cancellation is lost, as it may be on any network: it is only a hint.
      if (found === 0 && key.length <= MAX_TOLD)
        void bus.publish(CHANNEL, JSON.stringify({ key, reason })).catch(() => {});
      return found;
    },
    get size() {
      return calls.size;
    },
  };
}
