import {
  appsOf,
  deleteOidcPayload,
  deleteOidcPayloadsOfGrant,
  revokeGrant,
  type Db,
} from '@conducktor/db';
import type { FastifyInstance } from 'fastify';
import { formRefused, PageError } from '../interactions/page-error.js';
import { acceptOwnForm, seeOther, sendOwnForm } from '../interactions/request.js';
import { appsPage } from './apps-page.js';
import { personOf, sentenceOf, type AccountDeps } from './person.js';

const PAGE = '/account/apps';
const DONE = { revoked: 'The app was disconnected. It has to ask you again.' };

/** `/account/apps`: what acts for the person, in all their workspaces. */
export function mountApps(fastify: FastifyInstance, deps: AccountDeps): void {
  fastify.get(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) return seeOther(reply, '/login');
    const apps = await appsOf(deps.db, user.id);
    return sendOwnForm(deps, request, reply, { page: PAGE, about: user.id }, (csrf) =>
      appsPage({ csrf, apps, done: sentenceOf(request, DONE) }),
    );
  });

  fastify.post(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) throw formRefused();
    const fields = acceptOwnForm(deps, request, PAGE, () => user.id);
    const own = await appsOf(deps.db, user.id);
    const app = own.find(({ grantId }) => grantId === fields['grant']);
    if (!app) throw unknownApp();
    await disconnect(deps.db, app.grantId);
    return seeOther(reply, `${PAGE}?done=revoked`);
  });
}

/** Its access tokens are refused within a second by every gateway, its refresh token at once. */
async function disconnect(db: Db, grantId: string): Promise<void> {
  await revokeGrant(db, grantId);
  for (const kind of ['RefreshToken', 'AuthorizationCode']) {
    await deleteOidcPayloadsOfGrant(db, kind, grantId);
  }
  await deleteOidcPayload(db, 'Grant', grantId);
}

const unknownApp = () =>
  new PageError(404, {
    title: 'This app is not connected',
    what: 'It was disconnected already, or it never acted for you.',
    doNext: 'Load the list of connected apps again.',
    code: 'not_found',
  });
