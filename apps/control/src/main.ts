import { controlEnv, loadConfigOrExit } from '@conducktor/config';
import { createLogger, deriveKey, endOnSignals, onShutdown } from '@conducktor/runtime';
import { openControl } from './control.js';
import { createApp } from './create-app.js';
import { openManagement } from './management/management-server.js';

const config = loadConfigOrExit(controlEnv);
const logger = createLogger('control', config.LOG_LEVEL);
const control = openControl(config, logger);
onShutdown('control', () => control.close());
endOnSignals(logger);

if (config.RPC_PORT !== undefined) {
  const key = deriveKey(config.SECRET_KEY, 'rpc');
  const management = await openManagement(control, {
    host: config.HOST,
    port: config.RPC_PORT,
    key,
  });
  onShutdown('management', () => management.stop());
}
const app = await createApp(control);
onShutdown('http', () => app.close());
await app.listen(config.PORT, config.HOST);
logger.info({ host: config.HOST, port: config.PORT }, 'Control is listening');
