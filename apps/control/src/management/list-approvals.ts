import { LIST_APPROVALS } from '@conducktor/contracts';
import { listApprovals as list } from '../approvals/read-approvals.js';
import { signedIn } from '../http/guards.js';
import { handler } from './handler.js';
import { shortArguments } from './short-arguments.js';

export const listApprovals = handler(
  LIST_APPROVALS,
  signedIn,
  async ({ control, caller }, query) => {
    const { items, nextCursor } = await list(control, caller, query);
    return { approvals: items.map((each) => ({ ...each, ...shortArguments(each) })), nextCursor };
  },
);
