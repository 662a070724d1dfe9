import { z } from 'zod';
import { ConnectionKind, ConnectionStatus } from '../rest/connections.js';
import { Timestamp } from '../rest/common.js';
import { managementTool } from './tool.js';

export const GET_CONNECTION_HEALTH = managementTool({
  name: 'conducktr_get_connection_health',
  class: 'read',
  roles: ['owner', 'admin', 'approver', 'auditor'],
  input: z.strictObject({
    connection: z.string().min(1).max(64).describe('Slug or id of the connection.'),
  }),
  output: z.object({
    id: z.string(),
    slug: z.string(),
    kind: ConnectionKind,
    status: ConnectionStatus,
    reason: z.string().nullable().describe('Why it is not ACTIVE, where that is known.'),
    tools: z.int(),
    lastTest: z
      .object({ at: Timestamp, status: z.string(), by: z.string() })
      .nullable()
      .describe('Null: it was not tested lately.'),
    last24h: z
      .object({
        calls: z.int(),
        errors: z.int().describe('Calls that ended otherwise than with a result.'),
        p50Ms: z.number().nullable(),
        p95Ms: z.number().nullable(),
      })
      .describe('Calls by everybody in the workspace.'),
  }),
});
