import { CREATE_POLICY } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

export const createPolicy = ownTool(CREATE_POLICY, {
  title: 'Draft a policy rule',
  description:
    'Adds one rule to a copy of the active policy and stores that as a draft version. Nothing changes until a person activates the draft; the answer says where.',
  idempotent: false,
});
