import { LimitPatch, LimitView, NewLimit, PageQuery, pageOf } from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { createLimit } from './create-limit.js';
import { deleteLimit } from './delete-limit.js';
import { getLimit, listLimits } from './read-limits.js';
import { updateLimit } from './update-limit.js';

export const limitRoutes = [
  route('POST', '/limits', {
    summary: 'Limit the calls of a person, client, connection or tool, or of every one for itself',
    guards: [signedIn, scope('admin'), writers],
    body: NewLimit,
    answer: [201, LimitView],
    handle: ({ control, caller, body }) => createLimit(control, caller, body),
  }),
  route('GET', '/limits', {
    summary: 'List limits by kind; those of every one of a kind first',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(LimitView)],
    handle: ({ control, caller, query }) => listLimits(control, caller, query),
  }),
  route('GET', '/limits/:id', {
    summary: 'Read one limit, such as the one a refusal names',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, LimitView],
    handle: ({ control, caller, params }) => getLimit(control, caller, params['id']!),
  }),
  route('PATCH', '/limits/:id', {
    summary: 'Change how many calls a limit allows',
    guards: [signedIn, scope('admin'), writers],
    body: LimitPatch,
    answer: [200, LimitView],
    handle: ({ control, caller, params, body }) =>
      updateLimit(control, caller, params['id']!, body),
  }),
  route('DELETE', '/limits/:id', {
    summary: 'Remove a limit; that of every one of its kind counts again, if there is one',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteLimit(control, caller, params['id']!),
  }),
];
