export { createLogger, type Logger } from './logger.js';
export { deriveKey, type KeyLabel } from './keys.js';
export { connectRedis } from './redis.js';
export { endOnSignals, onShutdown, shutdown } from './shutdown.js';
export { startHealthServer, type Readiness } from './health.js';
