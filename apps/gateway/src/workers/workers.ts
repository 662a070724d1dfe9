import type { CallRequest, CallResult, LateOutcome } from '@conducktor/contracts';
import { rank, RpcClient, type CallOptions } from '@conducktor/runtime';

export interface Workers {
  call(request: CallRequest, options: CallOptions): Promise<CallResult>;
  /** Tells all workers which outcomes are durable. */
  committed(callIds: string[]): void;
  readonly ready: boolean;
  close(): void;
}

// A worker that restarts is back within this; a call waits for it rather than fail at once.
const RECONNECT_WAIT_MS = 2_000;
const MAX_RANKS = 50_000;

/** One framed connection to each worker; a connection's calls go to its highest ranked one. */
export function connectWorkers(options: {
  addresses: string[];
  key: Buffer;
  instanceId: string;
  onLate(outcomes: LateOutcome[]): void;
}): Workers {
  const clients = new Map(
    options.addresses.map((address) => [
      address,
      new RpcClient({
        address,
        key: options.key,
        instanceId: options.instanceId,
        onLate: options.onLate,
      }),
    ]),
  );
  const ranks = new Map<string, RpcClient[]>();
  const ranked = (connectionId: string): RpcClient[] => {
    let list = ranks.get(connectionId);
    if (!list) {
      if (ranks.size >= MAX_RANKS) ranks.clear();
      list = rank(connectionId, options.addresses).map((address) => clients.get(address)!);
      ranks.set(connectionId, list);
    }
    return list;
  };

  return {
    call: async (request, callOptions) => {
      const candidates = ranked(request.connectionId);
      const first = candidates[0]!;
      if (!first.ready && !candidates.some((client) => client.ready)) {
        await first.whenReady(Math.min(RECONNECT_WAIT_MS, request.timeoutMs));
      }
      return (candidates.find((client) => client.ready) ?? first).call(request, callOptions);
    },
    committed: (callIds) => {
      for (const client of clients.values()) client.committed(callIds);
    },
    get ready() {
      return [...clients.values()].some((client) => client.ready);
    },
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
