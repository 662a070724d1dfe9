import { NewToolset, PageQuery, pageOf, ToolsetPatch, ToolsetView } from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { createToolset } from './create-toolset.js';
import { deleteToolset } from './delete-toolset.js';
import { getToolset, listToolsets } from './read-toolsets.js';
import { updateToolset } from './update-toolset.js';

export const toolsetRoutes = [
  route('POST', '/toolsets', {
    summary: 'Give a selection of tools an address of its own',
    guards: [signedIn, scope('admin'), writers],
    body: NewToolset,
    answer: [201, ToolsetView],
    handle: ({ control, caller, body }) => createToolset(control, caller, body),
  }),
  route('GET', '/toolsets', {
    summary: 'List toolsets by slug, with what they select now',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(ToolsetView)],
    handle: ({ control, caller, query }) => listToolsets(control, caller, query),
  }),
  route('GET', '/toolsets/:id', {
    summary: 'Read one toolset',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, ToolsetView],
    handle: ({ control, caller, params }) => getToolset(control, caller, params['id']!),
  }),
  route('PATCH', '/toolsets/:id', {
    summary: 'Change what a toolset selects, or how it shows it',
    guards: [signedIn, scope('admin'), writers],
    body: ToolsetPatch,
    answer: [200, ToolsetView],
    handle: ({ control, caller, params, body }) =>
      updateToolset(control, caller, params['id']!, body),
  }),
  route('DELETE', '/toolsets/:id', {
    summary: 'Remove a toolset; its tools stay where they are',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteToolset(control, caller, params['id']!),
  }),
];
