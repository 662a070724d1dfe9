import {
  AuditEventView,
  AuditExportQuery,
  AuditPayload,
  AuditQuery,
  pageOf,
} from '@conducktor/contracts';
import { permission, role, scope, signedIn } from '../http/guards.js';
import { route, streamRoute } from '../http/route.js';
import { exportEvents } from './export-events.js';
import { findEvent, listEvents } from './list-events.js';
import { readPayload } from './read-payload.js';

const auditors = role('owner', 'admin', 'auditor');

export const auditRoutes = [
  route('GET', '/audit/events', {
    summary: 'Calls with their outcomes, refusals and changes, newest first',
    guards: [signedIn, scope('admin'), auditors],
    query: AuditQuery,
    answer: [200, pageOf(AuditEventView)],
    handle: ({ control, caller, query }) => listEvents(control, caller, query),
  }),
  streamRoute('/audit/export', {
    summary:
      'The whole sequence as it was sealed, as NDJSON or CSV; the last line says that it is complete',
    guards: [signedIn, scope('admin'), auditors],
    query: AuditExportQuery,
    streams: ['application/x-ndjson', 'text/csv'],
    handle: exportEvents,
  }),
  route('GET', '/audit/events/:id', {
    summary: 'One event',
    guards: [signedIn, scope('admin'), auditors],
    answer: [200, AuditEventView],
    handle: ({ control, caller, params }) => findEvent(control, caller, params['id']!),
  }),
  route('GET', '/audit/events/:id/payload', {
    summary: 'What a call was made with; reading it is recorded',
    guards: [signedIn, scope('admin'), auditors, permission('audit:payloads')],
    answer: [200, AuditPayload],
    handle: ({ control, caller, params }) => readPayload(control, caller, params['id']!),
  }),
];
