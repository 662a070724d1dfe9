import { findUser } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Attempts } from '../accounts/attempts.js';
import type { Passwords } from '../accounts/passwords.js';
import type { Challenges } from '../accounts/second-factor/challenges.js';
import { requestOptions } from '../accounts/second-factor/passkeys.js';
import { signIn } from '../accounts/sign-in.js';
import { signInPage } from '../pages/sign-in-page.js';
import { showSignedIn } from './api-key.js';
import { completeSignIn, type CompleteSignInDeps } from './complete-sign-in.js';
import { cancelled, finishFlow, type Flow } from './flow.js';
import { tooManyGuesses } from './page-error.js';
import { acceptForm, claim, flowOf, makeForm, seeOther, sendPage } from './request.js';
import { keepReturnPath, returnPathOf } from './return-path.js';

export interface LoginDeps extends CompleteSignInDeps {
  passwords: Passwords;
  attempts: Attempts;
  challenges: Challenges;
}

/** `/login`: a step of a sign-in under way, or opened by itself. */
export function mountLogin(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get('/login', async (request, reply) => {
    const flow = await flowOf(deps, request, 'login');
    if (!flow) {
      const user = await currentUser(deps, request, reply);
      const back = returnPathOf(request);
      if (user && back !== undefined) return seeOther(reply, back);
      if (user) return showSignedIn(deps, request, reply, user);
      if (back !== undefined) keepReturnPath(deps, reply, back);
    }
    return showSignIn(deps, request, reply, { flow });
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
      knownAs: (user) => deps.knownBrowsers.recognise(request.headers.cookie, user, 'password'),
    });
    if (result.outcome === 'limited') throw tooManyGuesses(result.retryAfterMs);
    if (result.outcome === 'wrong') {
      const problem = 'Email or password is wrong.';
      return showSignIn(deps, request, reply, { flow, email, problem, status: 401 });
    }
    return completeSignIn(deps, request, reply, flow, result.user);
  });
}

async function currentUser(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply) {
  const session = await deps.sessions.read(request, reply);
  return session && findUser(deps.db, session.accountId);
}

/** The sign-in page; also shown again with what went wrong. */
export async function showSignIn(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  content: { flow: Flow | undefined; email?: string; problem?: string; status?: number },
): Promise<FastifyReply> {
  const { flow, problem, status } = content;
  const hint = flow?.interaction.params['login_hint'];
  const form = makeForm(deps, request, reply, { page: '/login', flow: flow?.uid });
  const passkey = await requestOptions(deps, { browser: form.browser, purpose: 'sign-in' });
  const html = signInPage({
    csrf: form.csrf,
    flow: flow?.uid,
    clientName: flow?.clientName,
    email: content.email ?? (typeof hint === 'string' ? hint.slice(0, 254) : ''),
    passkey,
    problem,
  });
  return sendPage(deps, reply, html, { status, flow, passkeys: passkey !== undefined });
}
