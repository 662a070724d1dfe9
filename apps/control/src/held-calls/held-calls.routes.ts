import { HeldCallView, PageQuery, pageOf, Reconciled, Reconciliation } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { listHeldCalls } from './list-held-calls.js';
import { reconcileCall } from './reconcile-call.js';

export const heldCallRoutes = [
  route('GET', '/held-calls', {
    summary: 'List calls whose outcome nobody knows, and what stays reserved for them',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'auditor', 'billing')],
    query: PageQuery,
    answer: [200, pageOf(HeldCallView)],
    handle: ({ control, caller, query }) => listHeldCalls(control, caller, query),
  }),
  route('POST', '/held-calls/:callId/reconcile', {
    summary: 'Say what such a call cost, or that it cost nothing; the rest is free again',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'billing')],
    body: Reconciliation,
    answer: [200, Reconciled],
    handle: ({ control, caller, params, body }) =>
      reconcileCall(control, caller, params['callId']!, body),
  }),
];
