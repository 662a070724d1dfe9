import { randomUUID } from 'node:crypto';
import { ConducktorError, type RefreshRequest, type RefreshResult } from '@conducktor/contracts';
import { rank, RpcClient } from '@conducktor/runtime';

export interface Workers {
  /** Has the connection's worker connect afresh and list the tools. Rejects when no worker can be asked. */
  refresh(request: RefreshRequest): Promise<RefreshResult>;
  /** How many workers are connected, and how many there should be. */
  count(): { ready: number; all: number };
  close(): void;
}

// A worker that restarts is back within this.
const WAIT_MS = 3_000;

/**
 * One framed connection to each worker. A connection is refreshed by the worker that also makes its
 * calls, so that a stdio server runs once and not in two places.
 */
export function connectWorkers(options: { addresses: string[]; key: Buffer }): Workers {
  const instanceId = `control-${randomUUID()}`;
  const clients = new Map(
    options.addresses.map((address) => [
      address,
      new RpcClient({ address, key: options.key, instanceId }),
    ]),
  );
  return {
    refresh: async (request) => {
      const ranked = rank(request.connectionId, options.addresses).map((address) =>
        clients.get(address)!,
      );
      const first = ranked[0];
      if (!first)
        throw new ConducktorError('upstream_unavailable', 'No connector worker is configured.');
      if (!ranked.some((client) => client.ready)) await first.whenReady(WAIT_MS);
      return (ranked.find((client) => client.ready) ?? first).refresh(request);
    },
    count: () => ({
      ready: [...clients.values()].filter((client) => client.ready).length,
      all: clients.size,
    }),
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
