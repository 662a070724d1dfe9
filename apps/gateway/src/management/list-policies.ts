import { LIST_POLICIES } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const listPolicies = ownTool(LIST_POLICIES, {
  title: 'List policies',
  description:
    'Lists the versions of the policy of this workspace, which one is active, and the rules of one of them in words.',
  idempotent: true,
});
