import { authEnv, loadConfigOrExit } from '@conducktor/config';
import { createDb, waitForDatabase } from '@conducktor/db';
import { createLogger, deriveKey, drainable, endOnSignals, onShutdown } from '@conducktor/runtime';
import { observeHttp, openObservability } from '@conducktor/telemetry';
import { createVault } from '@conducktor/vault';
import { authMetrics } from './auth-metrics.js';
import { createApp } from './create-app.js';
import { startHousekeeping } from './housekeeping.js';
import { NO_MAIL, openWayOut } from './mail/open-way-out.js';
import { hostOf, startSender } from './mail/sender.js';

const config = loadConfigOrExit(authEnv);
const logger = createLogger('auth', config.LOG_LEVEL);
const seen = await openObservability({ service: 'auth', config, logger });
onShutdown('observability', () => seen.stop());
await waitForDatabase(config, logger);
const db = createDb(config.DATABASE_URL, { name: 'conducktor-auth' });
onShutdown('database', () => db.end());
const app = await createApp({
  config,
  db,
  logger,
  stopping: () => drain.stopping,
  observe: (fastify) =>
    observeHttp(fastify, { ...seen, onResponse: authMetrics(seen.registry, db) }),
});
const drain = drainable(app.getHttpServer());
onShutdown('housekeeping', startHousekeeping({ db, logger }));
const wayOut = openWayOut(config);
if (wayOut.kind === 'off') logger.error(`${NO_MAIL} Forgotten passwords cannot be reset by mail.`);
const sender = startSender({
  db,
  vault: createVault({ kek: deriveKey(config.SECRET_KEY, 'kek'), db }),
  wayOut,
  host: hostOf(config.MAIL_FROM),
  logger,
});
// In reverse: who is signing in is answered, and the letters of that are on their way or in the outbox.
onShutdown('mail', () => sender.stop());
onShutdown('http', () => drain.runFor(config, () => app.close(), logger));
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Ready');
