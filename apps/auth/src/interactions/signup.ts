import { takeAttempt } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Vault } from '@conducktor/vault';
import { addressKey, SIGN_UPS } from '../accounts/limits.js';
import { readSignUpForm } from '../accounts/sign-up-form.js';
import { signUp } from '../accounts/sign-up.js';
import { signUpPage } from '../pages/sign-up-page.js';
import type { Flow } from './flow.js';
import { completeSignIn } from './complete-sign-in.js';
import type { LoginDeps } from './login.js';
import { tooMany } from './page-error.js';
import { acceptForm, flowOf, sendForm, type Fields } from './request.js';

export interface SignUpDeps extends LoginDeps {
  vault: Vault;
}

// One sentence for an address with an account and for one that was invited.
const REFUSED =
  'No workspace could be created with this email. If you have an account, sign in instead.';

/** `/signup`: an account and its workspace, within a sign-in under way or by itself. */
export function mountSignUp(fastify: FastifyInstance, deps: SignUpDeps): void {
  fastify.get('/signup', async (request, reply) =>
    show(deps, request, reply, { flow: await flowOf(deps, request, 'login'), fields: {} }),
  );

  fastify.post('/signup', async (request, reply) => {
    const { fields, flow } = await acceptForm(deps, request, '/signup', 'login');
    // Before the form is read: to judge a password takes tens of milliseconds in which nobody else is served.
    const wait = await takeAttempt(deps.db, addressKey('sign-up', request.ip), SIGN_UPS);
    if (wait > 0) throw tooMany(wait);
    const read = readSignUpForm(fields);
    if ('problem' in read)
      return show(deps, request, reply, { flow, fields, problem: read.problem });
    const result = await signUp(deps, read.form);
    if (result.outcome === 'refused') {
      return show(deps, request, reply, { flow, fields, problem: REFUSED });
    }
    return completeSignIn(deps, request, reply, flow, result.user);
  });
}

function show(
  deps: SignUpDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  content: { flow: Flow | undefined; fields: Fields; problem?: string },
) {
  const { flow, fields, problem } = content;
  return sendForm(
    deps,
    request,
    reply,
    { page: '/signup', flow, ...(problem ? { status: 400 } : {}) },
    (csrf) =>
      signUpPage({
        csrf,
        flow: flow?.uid,
        clientName: flow?.clientName,
        values: {
          name: fields['name'] ?? '',
          workspace: fields['workspace'] ?? '',
          email: fields['email'] ?? '',
        },
        problem,
      }),
  );
}
