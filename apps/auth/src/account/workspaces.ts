import { newId } from '@conducktor/contracts';
import { allMembershipsOf, leaveWorkspace, type UserAccount } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { writeWorkspace } from '../accounts/new-workspace.js';
import { plainName } from '../accounts/plain-name.js';
import { formRefused, PageError, tooMany } from '../interactions/page-error.js';
import { acceptOwnForm, seeOther, sendOwnForm } from '../interactions/request.js';
import { waitToCreate } from './letter-limits.js';
import { personOf, sentenceOf, type AccountDeps } from './person.js';
import { leavePage, workspacesPage } from './workspaces-page.js';

const PAGE = '/account/workspaces';
const LEAVE = '/account/workspaces/leave';
const DONE = { created: 'The workspace was created.', left: 'You left the workspace.' };

/** `/account/workspaces`: where the person is a member, what became of it, and a new one. */
export function mountWorkspaces(fastify: FastifyInstance, deps: AccountDeps): void {
  fastify.get(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    return user ? show(deps, request, reply, user) : seeOther(reply, '/login');
  });

  fastify.post(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) throw formRefused();
    const fields = acceptOwnForm(deps, request, PAGE, () => user.id);
    const name = plainName(fields['workspace'] ?? '');
    if (name === '') return show(deps, request, reply, user, 'Enter a name for the workspace.');
    const wait = await waitToCreate(deps.db, user.id);
    if (wait > 0) throw tooMany(wait);
    const tenantId = newId('ten');
    await deps.db.withTenant(tenantId, (tx) => writeWorkspace(tx, name, user));
    // Sealing anything makes the workspace's key; now, so that its first call need not.
    await deps.vault.sealForTenant(tenantId, 'sign-up', '');
    return seeOther(reply, `${PAGE}?done=created`);
  });

  fastify.get(LEAVE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) return seeOther(reply, '/login');
    const { workspace } = request.query as Record<string, unknown>;
    const membership = (await allMembershipsOf(deps.db, user.id)).find(
      ({ tenantId, disabledAt, lastOwner }) => tenantId === workspace && !disabledAt && !lastOwner,
    );
    if (!membership) return seeOther(reply, PAGE);
    return sendOwnForm(deps, request, reply, { page: LEAVE, about: user.id }, (csrf) =>
      leavePage({ csrf, membership }),
    );
  });

  fastify.post(LEAVE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) throw formRefused();
    const fields = acceptOwnForm(deps, request, LEAVE, () => user.id);
    const outcome = await leaveWorkspace(deps.db, fields['workspace'] ?? '', user.id);
    if (outcome === 'last owner') throw lastOwner();
    return seeOther(reply, outcome === 'left' ? `${PAGE}?done=left` : PAGE);
  });
}

async function show(
  deps: AccountDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  user: UserAccount,
  problem?: string,
): Promise<FastifyReply> {
  const memberships = await allMembershipsOf(deps.db, user.id);
  const form = { page: PAGE, about: user.id, status: problem ? 400 : 200 } as const;
  return sendOwnForm(deps, request, reply, form, (csrf) =>
    workspacesPage({ csrf, memberships, done: sentenceOf(request, DONE), problem }),
  );
}

const lastOwner = () =>
  new PageError(409, {
    title: 'You are still in this workspace',
    what: 'You are its only owner, and a workspace needs one.',
    doNext: 'Make somebody else an owner first, then leave.',
    code: 'last_owner',
  });
