import { z } from 'zod';
import { ApprovalDetail } from '../rest/approvals.js';
import { managementTool } from './tool.js';

export const GET_APPROVAL = managementTool({
  name: 'conducktr_get_approval',
  class: 'read',
  roles: null,
  input: z.strictObject({
    id: z.string().min(1).max(64).describe('Of the request, such as apr_…'),
  }),
  output: z.object({
    ...ApprovalDetail.shape,
    next: z.string().describe('How it stands and what happens next; tell the person.'),
  }),
});
