export { createLogger, type Logger } from './logger.js';
export { deriveKey, type KeyLabel } from './keys.js';
export { connectRedis } from './redis.js';
export { endOnSignals, onShutdown, shutdown } from './shutdown.js';
export { drainable, type Drain, type DrainOptions } from './drain.js';
export {
  readinessAnswer,
  startHealthServer,
  STOPPING,
  type Missing,
  type Readiness,
} from './health.js';
export { boundRequests, turnAwayForNow } from './bound-requests.js';
export { createOverloadGuard } from './overload-guard.js';
export { watchLoopDelay } from './loop-delay.js';
export { seldom } from './seldom.js';
export { BatchLoop } from './batches/batch-loop.js';
export { firstPace, paceAfter, type BatchDone, type PaceBounds } from './batches/pace.js';
export { waitToStart } from './wait-to-start.js';
export { RpcClient, type RpcClientOptions } from './rpc/rpc-client.js';
export { ASK_WAIT_MS, type CallOptions } from './rpc/client-calls.js';
export type { Watching, WatchOptions } from './rpc/client-watches.js';
export { RpcServer, type RpcServerOptions } from './rpc/rpc-server.js';
export type { RpcExchange, RpcHandlers, RpcPeer, RpcWatch } from './rpc/handlers.js';
export { Outcomes } from './calls/outcomes.js';
export { RecentIds } from './calls/recent-ids.js';
export { rank } from './rendezvous.js';
export { parseRpcAddress, type RpcAddress } from './rpc/address.js';
export type { Registry } from 'prom-client';
export { callMetrics, type CallMetrics } from './metrics/calls.js';
export { dependencyMetrics } from './metrics/dependencies.js';
export {
  type Buckets,
  type Count,
  counter,
  CounterFamily,
  gauge,
  gauges,
  HistogramFamily,
} from './metrics/instruments.js';
export { oneLook } from './metrics/one-look.js';
export { createMetrics } from './metrics/process.js';
export { startMetricsServer } from './metrics/server.js';
