import { LedgerQuery, UsageQuery, UsageReport } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route, streamRoute } from '../http/route.js';
import { countUsage } from './count-usage.js';
import { exportLedger } from './export-ledger.js';

export const usageRoutes = [
  route('GET', '/usage', {
    summary:
      'Calls, errors, refusals, cost and durations by connection, tool, member, client, group, decision, day or hour; a member’s own, or everybody’s for owner, admin, auditor and billing',
    guards: [signedIn, scope('admin')],
    query: UsageQuery,
    answer: [200, UsageReport],
    handle: ({ control, caller, query }) => countUsage(control, caller, query),
  }),
  streamRoute('/ledger', {
    summary:
      'Every movement of money in order, as JSON, NDJSON or CSV; its end says that it is complete and how it balances',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'auditor', 'billing')],
    query: LedgerQuery,
    streams: ['application/json', 'application/x-ndjson', 'text/csv'],
    handle: exportLedger,
  }),
];
