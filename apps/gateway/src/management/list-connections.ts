import { LIST_CONNECTIONS } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const listConnections = ownTool(LIST_CONNECTIONS, {
  title: 'List connections',
  description:
    'Lists the services that this workspace is connected to: short name, kind, status, number of tools and host. No secrets.',
  idempotent: true,
});
