import { findInvitation, findUser, type OpenInvitation, type UserAccount } from '@conducktor/db';
import { hashInvitation } from '@conducktor/identity';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { join } from '../accounts/join.js';
import { signIn } from '../accounts/sign-in.js';
import { readClaimForm, type ClaimForm } from '../accounts/sign-up-form.js';
import { invitePage, type InviteStep } from '../pages/invite-page.js';
import { completeSignIn } from './complete-sign-in.js';
import type { LoginDeps } from './login.js';
import { formRefused, invitationEnded, tooManyGuesses } from './page-error.js';
import { acceptOwnForm, seeOther, sendOwnForm, type Fields } from './request.js';

interface Invited {
  token: string;
  tokenHash: Buffer;
  invitation: OpenInvitation;
  /** The account that was invited. */
  account: UserAccount;
}

/** `/invite?token=…`: what the link of an invitation opens. Nobody joins but by posting it. */
export function mountInvite(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get('/invite', async (request, reply) => {
    const { token } = request.query as Record<string, unknown>;
    const invited = await invitedBy(deps, token);
    const session = await deps.sessions.read(request, reply);
    const current = session && (await findUser(deps.db, session.accountId));
    return show(deps, request, reply, invited, { step: stepOf(invited, current) });
  });

  fastify.post('/invite', async (request, reply) => {
    const fields = acceptOwnForm(deps, request, '/invite', (sent) => sent['token']);
    const invited = await invitedBy(deps, fields['token']);
    switch (fields['decision']) {
      case 'switch':
        await deps.sessions.end(request, reply);
        return seeOther(reply, addressOf(invited));
      case 'sign-in':
        return signInAndReturn(deps, request, reply, invited, fields);
      case 'claim': {
        const read = readClaimForm(fields, [invited.account.email, invited.invitation.tenantName]);
        if ('problem' in read) {
          const content = { step: { kind: 'claim', name: fields['name'] ?? '' }, ...read } as const;
          return show(deps, request, reply, invited, { ...content, status: 400 });
        }
        return complete(deps, request, reply, invited, read.form);
      }
      case 'join': {
        const session = await deps.sessions.read(request, reply);
        // Signed out or somebody else by now: the page says how to go on.
        if (session?.accountId !== invited.account.id) return seeOther(reply, addressOf(invited));
        return complete(deps, request, reply, invited);
      }
      default:
        throw formRefused();
    }
  });
}

/** The invitation behind a token. Used, expired, unknown and malformed ones are told alike. */
async function invitedBy(deps: LoginDeps, token: unknown): Promise<Invited> {
  const tokenHash = typeof token === 'string' ? hashInvitation(token) : undefined;
  const invitation = tokenHash && (await findInvitation(deps.db, tokenHash));
  const account = invitation && (await findUser(deps.db, invitation.userId));
  if (!account) throw invitationEnded();
  return { token: token as string, tokenHash: tokenHash!, invitation, account };
}

function stepOf({ account }: Invited, current: UserAccount | undefined): InviteStep {
  if (current?.id === account.id) return { kind: 'join' };
  if (current) return { kind: 'switch', signedInAs: current.email };
  return account.passwordHash === undefined ? { kind: 'claim', name: '' } : { kind: 'sign-in' };
}

async function signInAndReturn(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  invited: Invited,
  fields: Fields,
): Promise<FastifyReply> {
  const { email } = invited.account;
  const password = fields['password'] ?? '';
  const result = await signIn(deps, {
    email,
    password,
    ip: request.ip,
    knownAs: (user) => deps.knownBrowsers.recognise(request.headers.cookie, user, 'password'),
  });
  if (result.outcome === 'limited') throw tooManyGuesses(result.retryAfterMs);
  if (result.outcome === 'wrong') {
    const problem = 'The password is wrong.';
    return show(deps, request, reply, invited, { step: { kind: 'sign-in' }, problem, status: 401 });
  }
  const returnTo = addressOf(invited);
  return completeSignIn(deps, request, reply, undefined, result.user, { returnTo });
}

async function complete(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { invitation, tokenHash, account }: Invited,
  claim?: ClaimForm,
): Promise<FastifyReply> {
  if (!(await join(deps, invitation, tokenHash, claim))) throw invitationEnded();
  if (!claim) return seeOther(reply, '/login');
  return completeSignIn(deps, request, reply, undefined, account);
}

const addressOf = ({ token }: Invited) => `/invite?token=${token}`;

function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, invitation }: Invited,
  content: { step: InviteStep; problem?: string; status?: number },
): FastifyReply {
  const { status = 200, problem, step } = content;
  const { tenantName: workspace, email, invitedBy } = invitation;
  return sendOwnForm(deps, request, reply, { page: '/invite', about: token, status }, (csrf) =>
    invitePage({ csrf, token, workspace, email, invitedBy, step, problem }),
  );
}
