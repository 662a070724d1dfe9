import { LIST_APPROVALS } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const listApprovals = ownTool(LIST_APPROVALS, {
  title: 'List requests for approval',
  description:
    'Lists calls that wait for approval, newest first: your own and those that you may decide; for owners and admins everybody’s.',
  idempotent: true,
});
