import { UsageQuery, UsageReport } from '@conducktor/contracts';
import { scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { countUsage } from './count-usage.js';

export const usageRoutes = [
  route('GET', '/usage', {
    summary:
      'Calls, errors, refusals, cost and durations by connection, tool, member, client, group, day or hour; a member’s own, or everybody’s for owner, admin, auditor and billing',
    guards: [signedIn, scope('admin')],
    query: UsageQuery,
    answer: [200, UsageReport],
    handle: ({ control, caller, query }) => countUsage(control, caller, query),
  }),
];
