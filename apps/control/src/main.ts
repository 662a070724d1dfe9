import { controlEnv, loadConfigOrExit } from '@conducktor/config';
import { createDb, waitForDatabase } from '@conducktor/db';
import {
  createLogger,
  dependencyMetrics,
  deriveKey,
  drainable,
  endOnSignals,
  onShutdown,
} from '@conducktor/runtime';
import { observeHttp, openObservability } from '@conducktor/telemetry';
import { approvalMetrics } from './approvals/approval-metrics.js';
import { openControl } from './control.js';
import { createApp } from './create-app.js';
import { openManagement } from './management/management-server.js';
import { notificationMetrics } from './notifications/notification-metrics.js';
import { startNotificationSender } from './notifications/sender.js';

const config = loadConfigOrExit(controlEnv);
const logger = createLogger('control', config.LOG_LEVEL);
const seen = await openObservability({ service: 'control', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const control = openControl(config, logger, () => drain.stopping);
onShutdown('control', () => control.close());
dependencyMetrics(seen.registry, { postgres: () => control.db.pool.query('select 1') });

// Connections of its own: receivers that are slow to answer hold up no request.
const outbox = createDb(config.DATABASE_URL, { name: 'conducktor-notifications', max: 5 });
onShutdown('outbox', () => outbox.end());
const sender = startNotificationSender({ ...control, db: outbox });
onShutdown('notifications', () => sender.stop());
notificationMetrics(seen.registry, outbox);
approvalMetrics(seen.registry, outbox);

const app = await createApp(control, (fastify) => observeHttp(fastify, seen));
const drain = drainable(app.getHttpServer());
onShutdown('http', () => drain.runFor(config, () => app.close(), logger));
if (config.RPC_PORT !== undefined) {
  const key = deriveKey(config.SECRET_KEY, 'rpc');
  const management = await openManagement(control, {
    host: config.HOST,
    port: config.RPC_PORT,
    key,
  });
  onShutdown('management', () => management.stop());
}
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Control is listening');
