import { findUser, membershipsOf, type UserAccount, type Membership } from '@conducktor/db';
import { slugOfResource } from '@conducktor/identity';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { consentPage } from '../pages/consent-page.js';
import { grantAccess } from './grant-access.js';
import type { BrowserSessions } from './browser-session.js';
import { cancelled, finishFlow, restartUrl, type Flow } from './flow.js';
import { offersTo } from './offers.js';
import { flowEnded, PageError } from './page-error.js';
import { acceptForm, claim, flowOf, seeOther, sendForm, type PageDeps } from './request.js';
import { choicesOf } from './workspace-choices.js';

export interface ConsentDeps extends PageDeps {
  sessions: BrowserSessions;
}

/** `/consent`: what a client may do, in which workspace. Nothing is granted but by posting it. */
export function mountConsent(fastify: FastifyInstance, deps: ConsentDeps): void {
  fastify.get('/consent', async (request, reply) => {
    const flow = await flowOf(deps, request, 'consent');
    if (!flow) throw nothingAsked();
    const { user, memberships } = await personOf(deps, request, reply, flow);
    const workspaces = await choices(deps, flow, memberships);
    return sendForm(deps, request, reply, { page: '/consent', flow }, (csrf) =>
      consentPage({
        csrf,
        flow: flow.uid,
        clientName: flow.clientName,
        redirectHost: flow.redirectHost,
        documentHost: flow.documentHost,
        isLocal: flow.isLocal,
        email: user.email,
        slug: slugOfResource(deps.publicUrl, flow.resource),
        workspaces,
        scopes: flow.scopes,
        staysConnected: flow.staysConnected,
      }),
    );
  });

  fastify.post('/consent', async (request, reply) => {
    const { fields, flow } = await acceptForm(deps, request, '/consent', 'consent');
    if (!flow) throw nothingAsked();
    switch (fields['decision']) {
      case 'cancel':
        await claim(deps, flow);
        return seeOther(reply, await finishFlow(flow, cancelled));
      case 'switch':
        await claim(deps, flow);
        await deps.sessions.end(request, reply);
        return seeOther(reply, restartUrl(deps.publicUrl, flow));
      case 'allow': {
        const { user, memberships } = await personOf(deps, request, reply, flow);
        const chosen = memberships.find(({ tenantId }) => tenantId === fields['workspace']);
        if (!chosen) throw chooseWorkspace();
        const [offer] = await offersTo(deps, flow, [chosen]);
        if (offer!.problem !== undefined) throw notHere(chosen.tenantName, offer!.problem);
        await claim(deps, flow);
        const grantId = await grantAccess(deps, flow, user, offer!);
        return seeOther(reply, await finishFlow(flow, { consent: { grantId } }));
      }
      default:
        throw nothingAsked();
    }
  });
}

/** The workspaces to choose from, each with what it adds to what is asked. */
async function choices(deps: ConsentDeps, flow: Flow, memberships: Membership[]) {
  const named = choicesOf(memberships);
  const offers = await offersTo(deps, flow, memberships);
  return offers.map(({ problem, declared }, index) => ({ ...named[index]!, problem, declared }));
}

/** The person of this sign-in, who must still be the one signed in in this browser. */
async function personOf(
  deps: ConsentDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  flow: Flow,
): Promise<{ user: UserAccount; memberships: Membership[] }> {
  const session = await deps.sessions.read(request, reply);
  if (!session || session.accountId !== flow.accountId) throw flowEnded();
  const user = await findUser(deps.db, session.accountId);
  if (!user) throw flowEnded();
  const memberships = await membershipsOf(deps.db, user.id);
  if (memberships.length === 0) throw noWorkspace(user.email);
  return { user, memberships };
}

const nothingAsked = () =>
  new PageError(400, {
    title: 'There is nothing to allow',
    what: 'This page asks whether an app may use your workspace. No app is asking right now.',
    doNext: 'Start from the app: add a connector there with the address of this server.',
    code: 'nothing_asked',
  });

const notHere = (workspace: string, problem: string) =>
  new PageError(403, {
    title: 'This cannot be allowed',
    what: `The workspace ${workspace} ${problem}.`,
    doNext: 'Go back and choose another workspace, or ask an owner or admin of this one.',
    code: 'not_offered',
  });

const chooseWorkspace = () =>
  new PageError(400, {
    title: 'Choose a workspace',
    what: 'No workspace of yours was chosen, so nothing was allowed.',
    doNext: 'Go back and choose one.',
    code: 'workspace_missing',
  });

const noWorkspace = (email: string) =>
  new PageError(403, {
    title: 'You are in no workspace',
    what: `${email} belongs to no workspace, so there is nothing that an app could use.`,
    doNext: 'Ask the owner of a workspace to invite you, or sign up with another address.',
    code: 'no_workspace',
  });
