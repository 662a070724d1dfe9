import { findUser, membershipsOf, type Membership, type UserAccount } from '@conducktor/db';
import { defaultResource } from '@conducktor/identity';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KEYS_MAX, makeOwnApiKey, makesKeys, readKeyForm } from '../accounts/own-api-key.js';
import { pageHeaders } from '../pages/headers.js';
import { apiKeyPage } from '../pages/api-key-page.js';
import { signedInPage } from '../pages/signed-in-page.js';
import type { BrowserSessions } from './browser-session.js';
import { formRefused, PageError } from './page-error.js';
import { acceptOwnForm, seeOther, sendOwnForm, type PageDeps } from './request.js';
import { choicesOf } from './workspace-choices.js';

export interface ApiKeyDeps extends PageDeps {
  sessions: BrowserSessions;
}

// Below /login, so that whoever routes paths to this service need not know of it.
const PAGE = '/login/api-key';

/** A form of the signed-in page: a key for the person's own membership, shown in the answer only. */
export function mountApiKey(fastify: FastifyInstance, deps: ApiKeyDeps): void {
  fastify.get(PAGE, async (_request, reply) => seeOther(reply, '/login'));

  fastify.post(PAGE, async (request, reply) => {
    const session = await deps.sessions.read(request, reply);
    const user = session && (await findUser(deps.db, session.accountId));
    if (!user) throw formRefused();
    const fields = acceptOwnForm(deps, request, PAGE, () => user.id);
    const read = readKeyForm(fields);
    if ('problem' in read) {
      return showSignedIn(deps, request, reply, user, {
        problem: read.problem,
        keyName: fields['name'] ?? '',
        status: 400,
      });
    }
    const memberships = await membershipsOf(deps.db, user.id);
    const chosen = memberships.find(({ tenantId }) => tenantId === fields['workspace']);
    if (!chosen) throw notAllowed();
    const made = await makeOwnApiKey(deps, user, chosen, read.form);
    if (made.outcome === 'not-allowed') throw notAllowed();
    if (made.outcome === 'too-many') throw tooManyKeys();
    return reply.headers(pageHeaders(deps.publicUrl)).send(
      apiKeyPage({
        key: made.key,
        name: read.form.name,
        workspace: chosen.tenantName,
      }),
    );
  });
}

/** Where to connect a client, and for owners and admins the form above. */
export async function showSignedIn(
  deps: ApiKeyDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  user: UserAccount,
  form: { problem?: string; keyName?: string; status?: number } = {},
): Promise<FastifyReply> {
  const memberships = await membershipsOf(deps.db, user.id);
  const { status = 200 } = form;
  return sendOwnForm(deps, request, reply, { page: PAGE, about: user.id, status }, (csrf) =>
    signedInPage({
      csrf,
      email: user.email,
      workspaces: memberships.map(({ tenantName }) => tenantName),
      mcpUrl: defaultResource(deps.publicUrl),
      keyWorkspaces: keyWorkspacesOf(memberships),
      keyName: form.keyName ?? '',
      problem: form.problem,
    }),
  );
}

const keyWorkspacesOf = (memberships: Membership[]) =>
  choicesOf(memberships.filter(({ roles }) => makesKeys(roles)));

const notAllowed = () =>
  new PageError(403, {
    title: 'No key was made',
    what: 'Keys are made here by owners and admins of a workspace, and you are neither of this one.',
    doNext: 'Ask an owner of the workspace for a key.',
    code: 'forbidden',
  });

const tooManyKeys = () =>
  new PageError(409, {
    title: 'No key was made',
    what: `You have ${KEYS_MAX} keys in this workspace already, which is the most that one person may have.`,
    doNext: 'Revoke one that you do not use, with DELETE /api/v1/api-keys/{id}, and try again.',
    code: 'too_many_keys',
  });
