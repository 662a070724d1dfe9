import 'reflect-metadata';
import { loadConfigOrExit, workerEnv } from '@conducktor/config';
import { waitForDatabase } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown } from '@conducktor/runtime';
import { openObservability } from '@conducktor/telemetry';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { WorkerModule } from './app.module.js';
import { openWorker } from './open-worker.js';

const config = loadConfigOrExit(workerEnv);
const logger = createLogger('connector-worker', config.LOG_LEVEL);
const seen = await openObservability({ service: 'connector-worker', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const worker = await openWorker(config, logger, seen).catch((error: Error) => {
  logger.fatal(error.message);
  process.exit(1);
});
const app = await NestFactory.create<NestFastifyApplication>(
  WorkerModule.with(worker),
  new FastifyAdapter(),
  { logger: false },
);
// In reverse: probes are answered, and told that it is stopping, for as long as calls end.
onShutdown('health', () => app.close());
onShutdown('worker', () => worker.stop());
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
await app.listen(config.PORT, config.HOST);
logger.info(
  { rpcPort: config.RPC_PORT, port: config.PORT, sandbox: worker.sandbox },
  'Connector worker is listening',
);
