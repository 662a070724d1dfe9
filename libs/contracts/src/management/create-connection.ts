import { z } from 'zod';
import { ConnectionKind, ConnectionStatus } from '../rest/connections.js';
import { managementTool } from './tool.js';

/** What is in it, the schema of REST checks; here it has the one shape that models can fill in. */
export const CREATE_CONNECTION = managementTool({
  name: 'conducktr_create_connection',
  class: 'write',
  roles: ['owner', 'admin'],
  input: z.strictObject({
    slug: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,23}$/)
      .describe('Short name: 1 to 24 of a-z, 0-9 and "-". Its tools are named <slug>_<tool>.'),
    kind: ConnectionKind.describe(
      'mcp-http: Streamable HTTP; mcp-sse: HTTP with SSE (2024-11-05); mcp-stdio: a server of the operator’s catalogue.',
    ),
    url: z
      .string()
      .max(2_048)
      .optional()
      .describe('Address of the server, for mcp-http and mcp-sse. Without any secret in it.'),
    catalog: z
      .string()
      .max(64)
      .optional()
      .describe('Name in the operator’s catalogue, for mcp-stdio.'),
    args: z
      .array(z.string().max(4_096))
      .max(64)
      .optional()
      .describe('Arguments of the server, for mcp-stdio. Without any secret in them.'),
    timeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .optional()
      .describe('Milliseconds that a call may take; 30,000 if not given.'),
  }),
  output: z.object({
    id: z.string(),
    slug: z.string(),
    kind: ConnectionKind,
    status: ConnectionStatus,
    secretUrl: z
      .string()
      .describe('Where a person enters the secret, if the server wants one, and tests it.'),
    next: z.string().describe('What to tell the person.'),
  }),
});
