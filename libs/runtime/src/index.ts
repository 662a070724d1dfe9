export { createLogger, type Logger } from './logger.js';
export { deriveKey, type KeyLabel } from './keys.js';
export { connectRedis } from './redis.js';
export { endOnSignals, onShutdown, shutdown } from './shutdown.js';
export { startHealthServer, type Readiness } from './health.js';
export { RpcClient, type CallOptions, type RpcClientOptions } from './rpc/rpc-client.js';
export {
  RpcServer,
  type RpcExchange,
  type RpcHandlers,
  type RpcPeer,
  type RpcServerOptions,
} from './rpc/rpc-server.js';
export { rank } from './rendezvous.js';
export { parseRpcAddress, type RpcAddress } from './rpc/address.js';
export { callMetrics, createMetrics, type CallMetrics, type Registry } from './metrics.js';
