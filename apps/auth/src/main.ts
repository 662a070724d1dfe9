import { authEnv, loadConfigOrExit } from '@conducktor/config';
import { createDb } from '@conducktor/db';
import { createLogger, deriveKey, endOnSignals, onShutdown } from '@conducktor/runtime';
import { createVault } from '@conducktor/vault';
import { createApp } from './create-app.js';
import { startHousekeeping } from './housekeeping.js';
import { NO_MAIL, openWayOut } from './mail/open-way-out.js';
import { hostOf, startSender } from './mail/sender.js';

const config = loadConfigOrExit(authEnv);
const logger = createLogger('auth', config.LOG_LEVEL);
const db = createDb(config.DATABASE_URL, { name: 'conducktor-auth' });
onShutdown('database', () => db.end());
endOnSignals(logger);

const app = await createApp({ config, db, logger });
onShutdown('http', () => app.close());
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
onShutdown('mail', () => sender.stop());
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Ready');
