import {
  ApprovalDecided,
  ApprovalDetail,
  ApprovalQuery,
  ApprovalReason,
  ApprovalView,
  DelegationView,
  NewDelegation,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { cancelApproval } from './cancel-approval.js';
import { decideApproval } from './decide-approval.js';
import { createDelegation, deleteDelegation, listDelegations } from './delegations.js';
import { getApproval, listApprovals } from './read-approvals.js';

// Rules name approvers by group, role or address, so no role is a guard here: each use-case asks the request.
export const approvalRoutes = [
  route('GET', '/approvals', {
    summary:
      'Calls that wait for approval and those that did, newest first: one’s own, those one may decide, everybody’s for owner and admin. Who was shown whose arguments is recorded',
    guards: [signedIn, scope('admin')],
    query: ApprovalQuery,
    answer: [200, pageOf(ApprovalView)],
    handle: ({ control, caller, query }) => listApprovals(control, caller, query),
  }),
  route('GET', '/approvals/:id', {
    summary: 'One of them, with all its arguments and how similar calls were decided',
    guards: [signedIn, scope('admin')],
    answer: [200, ApprovalDetail],
    handle: ({ control, caller, params }) => getApproval(control, caller, params['id']!),
  }),
  route('POST', '/approvals/:id/approve', {
    summary: 'Approve a call, for those whom its rules name; never one’s own',
    guards: [signedIn, scope('admin')],
    body: ApprovalReason,
    answer: [200, ApprovalDecided],
    handle: ({ control, caller, params, body }) =>
      decideApproval(control, caller, params['id']!, 'approve', body.reason),
  }),
  route('POST', '/approvals/:id/reject', {
    summary: 'Reject a call, for those whom its rules name; the person who asked reads the reason',
    guards: [signedIn, scope('admin')],
    body: ApprovalReason,
    answer: [200, ApprovalDecided],
    handle: ({ control, caller, params, body }) =>
      decideApproval(control, caller, params['id']!, 'reject', body.reason),
  }),
  route('POST', '/approvals/:id/cancel', {
    summary: 'Take back one’s own request before its call is made',
    guards: [signedIn, scope('admin')],
    answer: [200, ApprovalDecided],
    handle: ({ control, caller, params }) => cancelApproval(control, caller, params['id']!),
  }),
  route('POST', '/approval-delegations', {
    summary: 'Let another member vote in one’s place until then, on what one may decide oneself',
    guards: [signedIn, scope('admin')],
    body: NewDelegation,
    answer: [201, DelegationView],
    handle: ({ control, caller, body }) => createDelegation(control, caller, body),
  }),
  route('GET', '/approval-delegations', {
    summary: 'List delegations that stand: given and received; everybody’s for owner and admin',
    guards: [signedIn, scope('admin')],
    query: PageQuery,
    answer: [200, pageOf(DelegationView)],
    handle: ({ control, caller, query }) => listDelegations(control, caller, query),
  }),
  route('DELETE', '/approval-delegations/:id', {
    summary: 'End a delegation that one gave or received; any for owner and admin',
    guards: [signedIn, scope('admin')],
    answer: [204],
    handle: ({ control, caller, params }) => deleteDelegation(control, caller, params['id']!),
  }),
];
