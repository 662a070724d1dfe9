import { z } from 'zod';
import { ApprovalState } from '../rest/approvals.js';
import { managementTool } from './tool.js';

const input = z.strictObject({
  id: z.string().min(1).max(64).describe('Of the request, such as apr_…; never one of your own.'),
  reason: z
    .string()
    .max(1_000)
    .default('')
    .describe('One line, which the person who asked reads. It is recorded.'),
});

const output = z.object({
  id: z.string(),
  status: ApprovalState.describe('pending: more people have to approve.'),
  next: z.string().describe('What happens now; tell the person.'),
});

// Who may decide, the rules that want the call approved say: by group, role or address.
const decision = { class: 'write', roles: null, input, output } as const;

export const APPROVE_REQUEST = managementTool({ name: 'conducktr_approve_request', ...decision });

/** The same under the name that it has elsewhere. */
export const APPROVE_WORKFLOW_RUN = managementTool({
  name: 'conducktr_approve_workflow_run',
  ...decision,
});

export const REJECT_REQUEST = managementTool({ name: 'conducktr_reject_request', ...decision });
