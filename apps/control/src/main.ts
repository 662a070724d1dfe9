import { controlEnv, loadConfigOrExit } from '@conducktor/config';
import { createLogger, endOnSignals, onShutdown } from '@conducktor/runtime';
import { openControl } from './control.js';
import { createApp } from './create-app.js';

const config = loadConfigOrExit(controlEnv);
const logger = createLogger('control', config.LOG_LEVEL);
const control = openControl(config, logger);
onShutdown('control', () => control.close());
endOnSignals(logger);

const app = await createApp(control);
onShutdown('http', () => app.close());
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Control is listening');
