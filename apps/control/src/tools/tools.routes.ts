import {
  pageOf,
  ToolAcceptance,
  ToolChange,
  ToolCost,
  ToolPatch,
  ToolQuery,
  ToolRejection,
  ToolView,
} from '@conducktor/contracts';
import { readers, role, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { acceptTool } from './accept-tool.js';
import { listTools } from './list-tools.js';
import { readChange } from './read-change.js';
import { rejectTool } from './reject-tool.js';
import { setToolCost } from './set-tool-cost.js';
import { updateTool } from './update-tool.js';

export const toolRoutes = [
  route('GET', '/tools', {
    summary: 'List the tools of all connections by shown name',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'approver', 'auditor', 'billing')],
    query: ToolQuery,
    answer: [200, pageOf(ToolView)],
    handle: ({ control, caller, query }) => listTools(control, caller, query),
  }),
  route('PATCH', '/tools/:id', {
    summary: 'Set class, labels, visibility or preview of a tool, by id or shown name',
    guards: [signedIn, scope('admin'), role('owner', 'admin')],
    body: ToolPatch,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) => updateTool(control, caller, params['id']!, body),
  }),
  route('GET', '/tools/:id/change', {
    summary: 'Read, field by field, what the service changed of a tool that is held back for it',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, ToolChange],
    handle: ({ control, caller, params }) => readChange(control, caller, params['id']!),
  }),
  route('POST', '/tools/:id/accept', {
    summary: 'Accept what the service made of a tool: it is pinned, listed and callable',
    guards: [signedIn, scope('admin'), writers],
    body: ToolAcceptance,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) => acceptTool(control, caller, params['id']!, body),
  }),
  route('POST', '/tools/:id/reject', {
    summary:
      'Reject what the service made of a tool: it stays held back while the service lists it so',
    guards: [signedIn, scope('admin'), writers],
    body: ToolRejection,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) => rejectTool(control, caller, params['id']!, body),
  }),
  route('PUT', '/tools/:id/cost', {
    summary: 'Set what a call of a tool costs, by id or shown name',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'billing')],
    body: ToolCost,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) =>
      setToolCost(control, caller, params['id']!, body),
  }),
  route('DELETE', '/tools/:id/cost', {
    summary: 'Have price lists say again what a call of a tool costs',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'billing')],
    answer: [200, ToolView],
    handle: ({ control, caller, params }) => setToolCost(control, caller, params['id']!, null),
  }),
];
