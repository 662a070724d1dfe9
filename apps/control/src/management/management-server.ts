import { Outcomes, RpcServer } from '@conducktor/runtime';
import type { Control } from '../control.js';
import { ManagementCalls } from './management-calls.js';

/** A gateway that is there takes them over within milliseconds. */
const HAND_OVER_MS = 2_000;

export interface ManagementServer {
  port: number;
  stop(): Promise<void>;
}

/** Listens for the calls of management tools that gateways have decided and recorded. */
export async function openManagement(
  control: Control,
  options: { host: string; port: number; key: Buffer },
): Promise<ManagementServer> {
  const { logger } = control;
  const outcomes = new Outcomes((count, reason) =>
    logger.error({ count, reason }, 'Outcomes were dropped before they were committed'),
  );
  const calls = new ManagementCalls(control, outcomes);
  const server = await RpcServer.listen({
    listen: { host: options.host, port: options.port },
    key: options.key,
    handlers: {
      call: (request, exchange) => calls.call(request, exchange),
      // None of these tools asks its client, watches or has a list to refresh.
      resume: async () => ({ outcome: 'unknown', durationMs: 0 }),
      watch: async () => ({ ok: false, message: 'The control plane has nothing to watch.' }),
      refresh: async () => ({ status: 'ERROR', tools: [], ms: 0 }),
      committed: (callIds) => outcomes.committed(callIds),
      joined: (peer) => outcomes.joined(peer),
      left: (peer) => outcomes.left(peer),
    },
    onRefused: (reason) => logger.warn({ reason }, 'An RPC connection was closed'),
  });
  return {
    port: server.port,
    stop: async () => {
      server.leave();
      await calls.drain();
      await outcomes.handOver(HAND_OVER_MS);
      await server.close();
      outcomes.close();
    },
  };
}
