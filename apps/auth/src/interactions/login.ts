import { findUser, type UserAccount } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Passwords } from '../accounts/passwords.js';
import { signIn } from '../accounts/sign-in.js';
import { signInPage } from '../pages/sign-in-page.js';
import { showSignedIn } from './api-key.js';
import type { BrowserSessions } from './browser-session.js';
import { cancelled, finishFlow, type Flow } from './flow.js';
import { tooMany } from './page-error.js';
import { acceptForm, claim, flowOf, seeOther, sendForm, type PageDeps } from './request.js';

export interface LoginDeps extends PageDeps {
  passwords: Passwords;
  sessions: BrowserSessions;
}

/** `/login`: a step of a sign-in under way, or opened by itself. */
export function mountLogin(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get('/login', async (request, reply) => {
    const flow = await flowOf(deps, request, 'login');
    if (!flow) {
      const user = await currentUser(deps, request, reply);
      if (user) return showSignedIn(deps, request, reply, user);
    }
    return show(deps, request, reply, { flow });
  });

  fastify.post('/login', async (request, reply) => {
    const { fields, flow } = await acceptForm(deps, request, '/login', 'login');
    if (flow && fields['decision'] === 'cancel') {
      await claim(deps, flow);
      return seeOther(reply, await finishFlow(flow, cancelled));
    }
    const email = fields['email'] ?? '';
    const result = await signIn(deps, {
      email,
      password: fields['password'] ?? '',
      ip: request.ip,
    });
    if (result.outcome === 'limited') throw tooMany(result.retryAfterMs);
    if (result.outcome === 'wrong') {
      const problem = 'Email or password is wrong.';
      return show(deps, request, reply, { flow, email, problem, status: 401 });
    }
    return completeSignIn(deps, request, reply, flow, result.user);
  });
}

/** Goes on with the sign-in under way, or signs this browser in. */
export async function completeSignIn(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  flow: Flow | undefined,
  user: UserAccount,
): Promise<FastifyReply> {
  if (!flow) {
    await deps.sessions.begin(request, reply, user.id);
    return seeOther(reply, '/login');
  }
  await claim(deps, flow);
  const current = await deps.sessions.read(request, reply);
  if (current && current.accountId !== user.id) {
    // Someone else is signed in here. Their session ends, and this sign-in no longer hangs on it.
    await deps.sessions.end(request, reply);
    flow.interaction.session = undefined;
  }
  return seeOther(reply, await finishFlow(flow, { login: { accountId: user.id, amr: ['pwd'] } }));
}

async function currentUser(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply) {
  const session = await deps.sessions.read(request, reply);
  return session && findUser(deps.db, session.accountId);
}

function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  content: { flow: Flow | undefined; email?: string; problem?: string; status?: number },
) {
  const { flow } = content;
  const hint = flow?.interaction.params['login_hint'];
  return sendForm(
    deps,
    request,
    reply,
    { page: '/login', flow, ...(content.status ? { status: content.status } : {}) },
    (csrf) =>
      signInPage({
        csrf,
        flow: flow?.uid,
        clientName: flow?.clientName,
        email: content.email ?? (typeof hint === 'string' ? hint.slice(0, 254) : ''),
        problem: content.problem,
      }),
  );
}
