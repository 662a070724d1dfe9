import { GET_APPROVAL } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const getApproval = ownTool(GET_APPROVAL, {
  title: 'One request for approval',
  description:
    'Tells how a call that needs approval stands and what happens next: your own, or one that you may decide, then with what would be sent, who asks and how similar calls were decided.',
  idempotent: true,
});
