import { GET_APPROVAL } from '@conducktor/contracts';
import { getApproval as get } from '../approvals/read-approvals.js';
import { stateSentence } from '../approvals/state-sentence.js';
import { signedIn } from '../http/guards.js';
import { handler } from './handler.js';
import { shortArguments } from './short-arguments.js';

export const getApproval = handler(GET_APPROVAL, signedIn, async ({ control, caller }, { id }) => {
  const approval = await get(control, caller, id);
  return { ...approval, ...shortArguments(approval), next: stateSentence(approval) };
});
