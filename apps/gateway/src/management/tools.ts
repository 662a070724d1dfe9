import { MANAGEMENT } from './connection.js';
import { createConnection } from './create-connection.js';
import { createPolicy } from './create-policy.js';
import { approveRequest, approveWorkflowRun, rejectRequest } from './decide-approval.js';
import { getApproval } from './get-approval.js';
import { getConnectionHealth } from './get-connection-health.js';
import { getUsageStats } from './get-usage-stats.js';
import { listApprovals } from './list-approvals.js';
import { listConnections } from './list-connections.js';
import { listPolicies } from './list-policies.js';
import type { OwnTool } from './own-tool.js';

/** All management tools, in the order of names. They are decided, limited and recorded as any other. */
export const OWN_TOOLS: readonly OwnTool[] = [
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
];
MANAGEMENT.tools.push(...OWN_TOOLS);
