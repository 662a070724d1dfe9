import 'reflect-metadata';
import { auditEnv, loadConfigOrExit } from '@conducktor/config';
import { waitForDatabase, type Db } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown, startHealthServer } from '@conducktor/runtime';
import { openObservability } from '@conducktor/telemetry';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from './app.module.js';
import { auditMetrics } from './audit-metrics.js';
import { Retention } from './retention/retention.js';
import { Sealer } from './seal/sealer.js';

const config = loadConfigOrExit(auditEnv);
const logger = createLogger('audit', config.LOG_LEVEL);
const seen = await openObservability({ service: 'audit', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const app = await NestFactory.createApplicationContext(AuditModule.with(config, logger), {
  logger: false,
});
const sealer = app.get(Sealer);
const retention = app.get(Retention);
auditMetrics(seen.registry, { db: app.get<Db>('DB'), sealer, retention });

const health = await startHealthServer({
  host: config.HOST,
  port: config.PORT,
  readiness: () => sealer.missing,
});
sealer.start();
retention.start();
onShutdown('database', () => app.get<Db>('DB').end());
// Until the end of the batch that is being sealed, probes hear that it is stopping.
onShutdown('health', () => void health.close());
onShutdown('retention', () => retention.stop());
onShutdown('sealer', () => sealer.stop());
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
logger.info({ port: config.PORT }, 'Audit is sealing');
