import { findUser, takeAttempt } from '@conducktor/db';
import type { FastifyInstance } from 'fastify';
import { addressKey, PASSKEY_ANSWERS } from '../accounts/limits.js';
import { checkPasskey, methodOf } from '../accounts/second-factor/passkeys.js';
import { PASSKEY_SCRIPT, PASSKEY_SCRIPT_PATH } from '../pages/passkey-script.js';
import { answerHeaders } from '../pages/headers.js';
import { signInBrowser } from './complete-sign-in.js';
import { showSignIn, type LoginDeps } from './login.js';
import { formRefused, tooMany } from './page-error.js';
import { acceptForm, seeOther } from './request.js';

const PAGE = '/login/passkey';

/**
 * `/login/passkey`: signs in with a passkey and nothing else. The device has checked who holds it, so
 * it is both factors; no guesses are possible, only work for us, which is limited by address.
 */
export function mountPasskeySignIn(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(PASSKEY_SCRIPT_PATH, async (_request, reply) =>
    reply
      .headers({
        ...answerHeaders(deps.publicUrl),
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'no-cache',
        'cross-origin-resource-policy': 'same-origin',
      })
      .send(PASSKEY_SCRIPT),
  );

  // Whoever reloads the page that an answer was shown on.
  fastify.get(PAGE, async (_request, reply) => seeOther(reply, '/login'));

  fastify.post(PAGE, async (request, reply) => {
    const { fields, flow } = await acceptForm(deps, request, '/login', 'login');
    const browser = deps.forms.browserOf(request.headers.cookie);
    if (!browser) throw formRefused();
    const wait = await takeAttempt(deps.db, addressKey('passkey', request.ip), PASSKEY_ANSWERS);
    if (wait > 0) throw tooMany(wait);
    const purpose = { browser, purpose: 'sign-in' } as const;
    const passkey = await checkPasskey(deps, fields['answer'] ?? '', purpose);
    const user = passkey && (await findUser(deps.db, passkey.userId));
    if (!user) {
      const problem = 'That passkey was not accepted. Try again, or use your password.';
      return showSignIn(deps, request, reply, { flow, problem, status: 401 });
    }
    const amr = [methodOf(passkey), 'user', 'mfa'];
    return signInBrowser(deps, request, reply, flow, user.id, { amr });
  });
}
