import { GET_CONNECTION_HEALTH } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const getConnectionHealth = ownTool(GET_CONNECTION_HEALTH, {
  title: 'Health of a connection',
  description:
    'Tells the status of a connection, when it was last tested, and how its calls of the last 24 hours went. It reads what is known and calls nothing.',
  idempotent: true,
});
