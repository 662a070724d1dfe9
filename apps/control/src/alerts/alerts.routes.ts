import { AlertQuery, AlertView, pageOf } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { readAlerts } from './read-alerts.js';

/** Who answers for money or connections, and who looks into what happened. */
export const alertReaders = role('owner', 'admin', 'auditor', 'billing');

export const alertRoutes = [
  route('GET', '/alerts', {
    summary:
      'What people were told of budgets, unusual usage and connections in trouble, newest first',
    guards: [signedIn, scope('admin'), alertReaders],
    query: AlertQuery,
    answer: [200, pageOf(AlertView)],
    handle: ({ control, caller, query }) => readAlerts(control, caller, query),
  }),
];
