import { authEnv, loadConfigOrExit } from '@conducktor/config';
import { createDb } from '@conducktor/db';
import { createLogger, endOnSignals, onShutdown } from '@conducktor/runtime';
import { createApp } from './create-app.js';
import { startHousekeeping } from './housekeeping.js';

const config = loadConfigOrExit(authEnv);
const logger = createLogger('auth', config.LOG_LEVEL);
const db = createDb(config.DATABASE_URL, { name: 'conducktor-auth' });
onShutdown('database', () => db.end());
endOnSignals(logger);

const app = await createApp({ config, db, logger });
onShutdown('http', () => app.close());
onShutdown('housekeeping', startHousekeeping({ db, logger }));
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Ready');
