import { z } from 'zod';
import { ConnectionKind, ConnectionStatus } from '../rest/connections.js';
import { managementTool } from './tool.js';

export const LIST_CONNECTIONS = managementTool({
  name: 'conducktr_list_connections',
  class: 'read',
  roles: ['owner', 'admin', 'approver', 'auditor'],
  input: z.strictObject({
    limit: z.int().min(1).max(200).default(50).describe('How many to answer at most.'),
    cursor: z.string().min(1).max(500).optional().describe('`nextCursor` of the page before.'),
  }),
  output: z.object({
    connections: z.array(
      z.object({
        id: z.string(),
        slug: z.string().describe('Its tools are named <slug>_<tool>.'),
        kind: ConnectionKind,
        status: ConnectionStatus,
        tools: z.int().describe('How many tools it has.'),
        host: z.string().nullable().describe('Host of its address; null for a stdio server.'),
      }),
    ),
    nextCursor: z.string().nullable().describe('Null: this was the last page.'),
  }),
});
