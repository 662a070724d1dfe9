export { restoreCluster, serverScratch } from './cluster-archive.js';
export { hasApt, libraryPath, unpackDebian, type UnpackOptions } from './debian.js';
export { EmbeddedError, diskFull, requireRoom } from './errors.js';
export { spawnGuarded, type Exit, type Guarded, type GuardedOptions } from './guard.js';
export { freePort, requireFreePort } from './ports.js';
export {
  embeddedDatabaseUrl,
  startPostgres,
  POSTGRES_ROLES,
  type EmbeddedPostgres,
  type PostgresOptions,
  type PostgresRole,
} from './postgres.js';
export { runningProcess, type RunningProcess } from './processes.js';
export { startRedis, type EmbeddedRedis, type RedisOptions } from './redis.js';
export { findRedis, type FindRedisOptions, type RedisFiles } from './redis-files.js';
export { keepSecrets, newSecret, replaceFile } from './secrets.js';
