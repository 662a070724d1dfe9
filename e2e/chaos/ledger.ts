/** What the generator is told to do. */
export interface Job {
  seed: number;
  /** Where it writes down each call, one JSON line before it is sent and one after the answer. */
  file: string;
  gateways: readonly string[];
  tenants: readonly { canary: string; apiKey: string }[];
  loops: number;
  pauseMs: number;
}

/** Before a call is sent; `key` is its idempotency key. `at` in Unix milliseconds. */
export interface Sent {
  note: string;
  tenant: number;
  tool: string;
  gateway: number;
  at: number;
  key?: string;
}

/**
 * `acknowledged`: an answer with a call id came back; `refused`: one without; `lost`: none.
 * `said` is the result's text where it is not what it should be.
 */
export interface Ended {
  note: string;
  attempt: number;
  ended: number;
  ok: boolean;
  state: 'acknowledged' | 'refused' | 'lost';
  callId?: string;
  code?: string;
  said?: string;
}

/** What the generator tells while it runs. */
export interface Pulse {
  calls: number;
  ok: number;
  /** By `gateway/tenant`: when the last call that succeeded was sent, Unix milliseconds. */
  lastOk: Record<string, number>;
  done?: boolean;
}
