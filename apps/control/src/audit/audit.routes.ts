import { AuditEventView, AuditQuery, pageOf } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { listEvents } from './list-events.js';

export const auditRoutes = [
  route('GET', '/audit/events', {
    summary: 'Calls with their outcomes, refusals and changes, newest first',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'auditor')],
    query: AuditQuery,
    answer: [200, pageOf(AuditEventView)],
    handle: ({ control, caller, query }) => listEvents(control, caller, query),
  }),
];
