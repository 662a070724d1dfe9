import { createConnection } from './create-connection.js';
import { createPolicy } from './create-policy.js';
import { approveRequest, approveWorkflowRun, rejectRequest } from './decide-approval.js';
import { getApproval } from './get-approval.js';
import { getConnectionHealth } from './get-connection-health.js';
import { getUsageStats } from './get-usage-stats.js';
import type { Handler } from './handler.js';
import { listApprovals } from './list-approvals.js';
import { listConnections } from './list-connections.js';
import { listPolicies } from './list-policies.js';

/** By the name of the tool. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map(
  [
    approveRequest,
    approveWorkflowRun,
    createConnection,
    createPolicy,
    getApproval,
    getConnectionHealth,
    getUsageStats,
    listApprovals,
    listConnections,
    listPolicies,
    rejectRequest,
  ].map((each) => [each.tool.name, each]),
);
