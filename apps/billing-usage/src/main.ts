import 'reflect-metadata';
import { billingEnv, loadConfigOrExit } from '@conducktor/config';
import { waitForDatabase, type Db } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown, startHealthServer } from '@conducktor/runtime';
import { openObservability } from '@conducktor/telemetry';
import { NestFactory } from '@nestjs/core';
import { alertMetrics } from './alerts/alert-metrics.js';
import { AlertWatch } from './alerts/alert-watch.js';
import { BillingModule } from './app.module.js';
import { billingMetrics } from './billing-metrics.js';
import { Poster } from './post/poster.js';

const config = loadConfigOrExit(billingEnv);
const logger = createLogger('billing-usage', config.LOG_LEVEL);
const seen = await openObservability({ service: 'billing-usage', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const app = await NestFactory.createApplicationContext(BillingModule.with(config, logger), {
  logger: false,
});
const db = app.get<Db>('DB');
const poster = app.get(Poster);
billingMetrics(seen.registry, { db, poster });
const watch = app.get(AlertWatch);
alertMetrics(seen.registry, watch);

const health = await startHealthServer({
  host: config.HOST,
  port: config.PORT,
  readiness: () => poster.missing,
});
poster.start();
watch.start();
onShutdown('database', () => db.end());
// Until the end of the batch that is being posted, probes hear that it is stopping.
onShutdown('health', () => void health.close());
onShutdown('poster', () => poster.stop());
onShutdown('alerts', () => watch.stop());
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
logger.info({ port: config.PORT }, 'The ledger is being written');
