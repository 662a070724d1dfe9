import { createConnection } from './create-connection.js';
import { createPolicy } from './create-policy.js';
import { getConnectionHealth } from './get-connection-health.js';
import { getUsageStats } from './get-usage-stats.js';
import type { Handler } from './handler.js';
import { listConnections } from './list-connections.js';
import { listPolicies } from './list-policies.js';

/** By the name of the tool. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map(
  [
    createConnection,
    createPolicy,
    getConnectionHealth,
    getUsageStats,
    listConnections,
    listPolicies,
  ].map((each) => [each.tool.name, each]),
);
