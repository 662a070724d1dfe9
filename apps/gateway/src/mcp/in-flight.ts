/**
 * Legacy calls under way on this replica, so that `notifications/cancelled` finds them. Keyed by
 * principal, session and request id: 200 clients may all use `id: 0` and none stops another's call.
 * A request without a session cannot be named later and is not kept.
 */
import type { RequestId } from './json-rpc.js';

export interface InFlight {
  /** Returns a function that forgets the call; call it when the call has ended. */
  add(
    principal: string,
    sessionId: string,
    requestId: RequestId,
    controller: AbortController,
  ): () => void;
  /** How many calls were told to stop. */
  cancel(principal: string, sessionId: string, requestId: RequestId, reason: string): number;
  readonly size: number;
}

export function createInFlight(): InFlight {
  const calls = new Map<string, Set<AbortController>>();
  // JSON keeps the id 1 apart from the id "1", and no part can run into the next.
  const keyOf = (principal: string, sessionId: string, id: RequestId) =>
    JSON.stringify([principal, sessionId, id]);

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
      const same = calls.get(keyOf(principal, sessionId, requestId));
      if (!same) return 0;
      for (const controller of same) controller.abort(new Error(reason));
      return same.size;
    },
    get size() {
      return calls.size;
    },
  };
}
