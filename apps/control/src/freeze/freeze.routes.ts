import { FreezeView, NewFreeze, PageQuery, pageOf } from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { freeze } from './freeze.js';
import { listFrozen } from './list-frozen.js';
import { unfreeze } from './unfreeze.js';

export const freezeRoutes = [
  route('POST', '/freeze', {
    summary: 'Stop everything of a workspace, connection, member or client within a second',
    guards: [signedIn, scope('admin'), writers],
    body: NewFreeze,
    answer: [201, FreezeView],
    handle: ({ control, caller, body }) => freeze(control, caller, body),
  }),
  route('GET', '/freeze', {
    summary: 'List what is frozen, by whom and why',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(FreezeView)],
    handle: ({ control, caller, query }) => listFrozen(control, caller, query),
  }),
  route('DELETE', '/freeze/:kind/:id', {
    summary: 'Lift a freeze. A client id that is an address is sent percent-encoded',
    guards: [signedIn, scope('admin'), writers],
    // A client's id may be an address.
    params: { id: /^[\x21-\x7e]{1,2048}$/ },
    answer: [204],
    handle: ({ control, caller, params }) =>
      unfreeze(control, caller, params['kind']!, params['id']!),
  }),
];
