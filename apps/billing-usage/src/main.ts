import 'reflect-metadata';
import { billingEnv, loadConfigOrExit } from '@conducktor/config';
import { waitForDatabase, type Db } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown, startHealthServer } from '@conducktor/runtime';
import { openObservability } from '@conducktor/telemetry';
import { NestFactory } from '@nestjs/core';
import { BillingModule } from './app.module.js';
import { billingMetrics } from './billing-metrics.js';

const config = loadConfigOrExit(billingEnv);
const logger = createLogger('billing-usage', config.LOG_LEVEL);
const seen = await openObservability({ service: 'billing-usage', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const app = await NestFactory.createApplicationContext(BillingModule.with(config), {
  logger: false,
});
const db = app.get<Db>('DB');
billingMetrics(seen.registry, { db });

const health = await startHealthServer({
  host: config.HOST,
  port: config.PORT,
  readiness: () => [],
});
onShutdown('database', () => db.end());
onShutdown('health', () => void health.close());
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
logger.info({ port: config.PORT }, 'Billing and usage are kept');
