import { APPROVE_REQUEST, APPROVE_WORKFLOW_RUN, REJECT_REQUEST } from './approve-request.js';
import { CREATE_CONNECTION } from './create-connection.js';
import { CREATE_POLICY } from './create-policy.js';
import { GET_APPROVAL } from './get-approval.js';
import { GET_CONNECTION_HEALTH } from './get-connection-health.js';
import { GET_USAGE_STATS } from './get-usage-stats.js';
import { LIST_APPROVALS } from './list-approvals.js';
import { LIST_CONNECTIONS } from './list-connections.js';
import { LIST_POLICIES } from './list-policies.js';
import type { ManagementTool } from './tool.js';

/** In the order of names. */
export const MANAGEMENT_TOOLS: readonly ManagementTool[] = [
  APPROVE_REQUEST,
  APPROVE_WORKFLOW_RUN,
  CREATE_CONNECTION,
  CREATE_POLICY,
  GET_APPROVAL,
  GET_CONNECTION_HEALTH,
  GET_USAGE_STATS,
  LIST_APPROVALS,
  LIST_CONNECTIONS,
  LIST_POLICIES,
  REJECT_REQUEST,
];
