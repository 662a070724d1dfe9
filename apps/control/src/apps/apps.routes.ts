import { AppQuery, AppView, ConnectedSession, pageOf, SessionQuery } from '@conducktor/contracts';
import { scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { listApps } from './list-apps.js';
import { listSessions } from './list-sessions.js';
import { revokeApp } from './revoke-app.js';

/** Everybody sees and ends what they connected themselves; owners and admins what others did as well. */
export const appRoutes = [
  route('GET', '/apps', {
    summary: 'List the clients that people connected, with their last use',
    guards: [signedIn, scope('admin')],
    query: AppQuery,
    answer: [200, pageOf(AppView)],
    handle: ({ control, caller, query }) => listApps(control, caller, query),
  }),
  route('DELETE', '/apps/:id', {
    summary: 'Revoke a client; its tokens stop within a second, and it has to ask the person again',
    guards: [signedIn, scope('admin')],
    answer: [204],
    handle: ({ control, caller, params }) => revokeApp(control, caller, params['id']!),
  }),
  route('GET', '/sessions', {
    summary: 'List apps and keys that were in use lately. Revoking the app or key ends it',
    guards: [signedIn, scope('admin')],
    query: SessionQuery,
    answer: [200, pageOf(ConnectedSession)],
    handle: ({ control, caller, query }) => listSessions(control, caller, query),
  }),
];
