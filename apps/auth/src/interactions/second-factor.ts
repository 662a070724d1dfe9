import { findUser, secondFactorsOf, type UserAccount } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tellPasswordKnown } from '../account/security/letters.js';
import { proveSecondFactor } from '../accounts/second-factor/prove.js';
import { requestOptions } from '../accounts/second-factor/passkeys.js';
import { html } from '../pages/html.js';
import { hiddenFields } from '../pages/layout.js';
import { secondFactorPage } from '../pages/second-factor-page.js';
import { signInBrowser } from './complete-sign-in.js';
import { cancelled, finishFlow, type Flow } from './flow.js';
import type { LoginDeps } from './login.js';
import { flowEnded, formRefused, PageError, tooManyGuesses } from './page-error.js';
import { findPending, takePending, type Place } from './pending-sign-in.js';
import { acceptForm, claim, flowOf, makeForm, seeOther, sendPage } from './request.js';

const PAGE = '/login/second-factor';

/** `/login/second-factor`: after the first factor was right, in the browser where it was. */
export function mountSecondFactor(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(PAGE, async (request, reply) => {
    const flow = await flowOf(deps, request, 'login');
    const { user } = await pendingOf(deps, request, flow);
    return show(deps, request, reply, { flow, user });
  });

  fastify.post(PAGE, async (request, reply) => {
    const { fields, flow } = await acceptForm(deps, request, PAGE, 'login');
    const { user, place } = await pendingOf(deps, request, flow);
    if (fields['decision'] === 'cancel') {
      await takePending(deps, place);
      if (!flow) return seeOther(reply, '/login');
      await claim(deps, flow);
      return seeOther(reply, await finishFlow(flow, cancelled));
    }
    const browser = deps.knownBrowsers.recognise(request.headers.cookie, user, 'code');
    const proof = await proveSecondFactor(deps, user, fields, {
      ip: request.ip,
      known: browser === undefined ? undefined : { userId: user.id, browser },
      purpose: { browser: place.browser, purpose: 'second-factor', userId: user.id },
    });
    if (proof.outcome === 'limited') {
      if (browser === undefined) await tellPasswordKnown(deps, deps.db.pool, user);
      throw tooManyGuesses(proof.retryAfterMs);
    }
    if (proof.outcome === 'wrong')
      return show(deps, request, reply, { flow, user, problem: proof.problem, status: 401 });
    // Whoever comes second with the same sign-in finds it taken.
    const taken = await takePending(deps, place);
    if (taken?.accountId !== user.id) throw signInAgain();
    const amr = [...taken.amr, proof.method, 'mfa'];
    return signInBrowser(deps, request, reply, flow, user.id, { amr, returnTo: taken.returnTo });
  });
}

async function pendingOf(
  deps: LoginDeps,
  request: FastifyRequest,
  flow: Flow | undefined,
): Promise<{ user: UserAccount; place: Place }> {
  const browser = deps.forms.browserOf(request.headers.cookie);
  if (!browser) throw formRefused();
  const place = { browser, flow: flow?.uid };
  const pending = await findPending(deps, place);
  const user = pending && (await findUser(deps.db, pending.accountId));
  if (!user) throw flow ? flowEnded() : signInAgain();
  return { user, place };
}

async function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  content: { flow: Flow | undefined; user: UserAccount; problem?: string; status?: number },
): Promise<FastifyReply> {
  const { flow, user, problem, status } = content;
  const { csrf, browser } = makeForm(deps, request, reply, { page: PAGE, flow: flow?.uid });
  const factors = await secondFactorsOf(deps.db, user.id);
  const passkey =
    factors.passkeys > 0
      ? await requestOptions(deps, { browser, purpose: 'second-factor', userId: user.id })
      : undefined;
  const page = secondFactorPage({
    action: PAGE,
    title: 'One more step',
    why: html`Show that it is you, <strong>${user.email}</strong>.`,
    csrf,
    flow: flow?.uid,
    totp: factors.totp !== undefined,
    recovery: true,
    passkey,
    problem,
    more: html`<form method="post" action="${PAGE}">
      ${hiddenFields({ csrf, flow: flow?.uid })}<button
        class="quiet"
        type="submit"
        name="decision"
        value="cancel"
      >
        Cancel
      </button>
    </form>`,
  });
  return sendPage(deps, reply, page, { status, flow, passkeys: passkey !== undefined });
}

const signInAgain = () =>
  new PageError(400, {
    title: 'Sign in again',
    what: 'The second step was finished already, or the first one is more than ten minutes ago.',
    doNext: 'Open /login and begin with your password.',
    code: 'sign_in_ended',
  });
