import { pageOf, ToolCost, ToolPatch, ToolQuery, ToolView } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { listTools } from './list-tools.js';
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
    summary: 'Set class, labels or visibility of a tool, by id or shown name',
    guards: [signedIn, scope('admin'), role('owner', 'admin')],
    body: ToolPatch,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) => updateTool(control, caller, params['id']!, body),
  }),
  route('PUT', '/tools/:id/cost', {
    summary: 'Set what a call of a tool costs, by id or shown name',
    guards: [signedIn, scope('admin'), role('owner', 'admin', 'billing')],
    body: ToolCost,
    answer: [200, ToolView],
    handle: ({ control, caller, params, body }) =>
      setToolCost(control, caller, params['id']!, body),
  }),
];
