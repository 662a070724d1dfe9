import { z } from 'zod';
import { ApprovalState, ApprovalView } from '../rest/approvals.js';
import { managementTool } from './tool.js';

const { id, tool, connection, requester, rule, costMicros, createdAt, expiresAt, mayDecide, url } =
  ApprovalView.shape;

export const LIST_APPROVALS = managementTool({
  name: 'conducktr_list_approvals',
  class: 'read',
  roles: null,
  input: z.strictObject({
    status: ApprovalState.default('pending').describe('pending if not given.'),
    limit: z.int().min(1).max(50).default(20).describe('How many to answer at most.'),
    cursor: z.string().min(1).max(500).optional().describe('`nextCursor` of the page before.'),
  }),
  output: z.object({
    approvals: z
      .array(
        z.object({
          id,
          status: ApprovalState,
          tool,
          connection,
          arguments: ApprovalView.shape.arguments.describe(
            'As they would be sent; null where they are long: read the request itself.',
          ),
          requester,
          rule,
          costMicros,
          createdAt,
          expiresAt,
          mayDecide,
          url,
        }),
      )
      .describe('Newest first: your own, and those that you may decide.'),
    nextCursor: z.string().nullable(),
  }),
});
