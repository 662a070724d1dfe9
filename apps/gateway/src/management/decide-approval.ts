import { APPROVE_REQUEST, APPROVE_WORKFLOW_RUN, REJECT_REQUEST } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

const approve = {
  title: 'Approve a request',
  description:
    'Approves a call that waits for approval, by its id, in the name of the person who uses this. Read it with conducktr_get_approval and show the person what would be sent before. Nobody decides about their own request.',
  idempotent: false,
};

export const approveRequest = ownTool(APPROVE_REQUEST, approve);

export const approveWorkflowRun = ownTool(APPROVE_WORKFLOW_RUN, {
  ...approve,
  title: 'Approve a waiting run or request',
});

export const rejectRequest = ownTool(REJECT_REQUEST, {
  title: 'Reject a request',
  description:
    'Rejects a call that waits for approval, by its id; nothing is sent, and the person who asked reads the reason. Nobody decides about their own request.',
  idempotent: false,
});
