import 'reflect-metadata';
import { auditEnv, loadConfigOrExit } from '@conducktor/config';
import type { Db } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown, startHealthServer } from '@conducktor/runtime';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from './app.module.js';
import { Retention } from './retention/retention.js';
import { Sealer } from './seal/sealer.js';

const config = loadConfigOrExit(auditEnv);
const logger = createLogger('audit', config.LOG_LEVEL);
const app = await NestFactory.createApplicationContext(AuditModule.with(config, logger), {
  logger: false,
});
const sealer = app.get(Sealer);
const retention = app.get(Retention);

const health = await startHealthServer({
  host: config.HOST,
  port: config.PORT,
  readiness: () => sealer.notReady,
});
sealer.start();
retention.start();
onShutdown('database', () => app.get<Db>('DB').end());
onShutdown('sealer', () => sealer.stop());
onShutdown('retention', () => retention.stop());
onShutdown('health', () => void health.close());
endOnSignals(logger);
logger.info({ port: config.PORT }, 'Audit is sealing');
