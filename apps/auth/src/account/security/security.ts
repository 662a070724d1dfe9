import type { FastifyInstance } from 'fastify';
import type { LoginDeps } from '../../interactions/login.js';
import { seeOther } from '../../interactions/request.js';
import { mountAuthenticator } from './authenticator.js';
import { mountConfirm } from './confirm.js';
import { mountPasskeys } from './passkeys.js';
import { mountPassword } from './password.js';
import { mountRecoveryCodes } from './recovery-codes.js';
import { mountSessions } from './sessions.js';
import { showOverview } from './overview.js';
import { PAGE, personOf } from './person.js';

const DONE: Record<string, string> = {
  password: 'Your password was changed. You are signed out in all other browsers.',
  authenticator: 'The authenticator app is set up. Signing in asks for its code from now on.',
  'authenticator-removed': 'The authenticator app was removed.',
  passkey: 'The passkey was added.',
  'passkey-removed': 'The passkey was removed.',
  'passkey-renamed': 'The passkey has its new name.',
  session: 'That browser is signed out.',
  sessions: 'You are signed out everywhere else.',
};

/** `/account/security`: how a person signs in, and where they are signed in. */
export function mountSecurity(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(PAGE, async (request, reply) => {
    const person = await personOf(deps, request, reply);
    if (!person) return seeOther(reply, '/login');
    const word = (request.query as Record<string, unknown>)['done'];
    const done = typeof word === 'string' && Object.hasOwn(DONE, word) ? DONE[word] : undefined;
    return showOverview(deps, request, reply, person, done ? { done } : {});
  });
  mountConfirm(fastify, deps);
  mountPassword(fastify, deps);
  mountAuthenticator(fastify, deps);
  mountPasskeys(fastify, deps);
  mountRecoveryCodes(fastify, deps);
  mountSessions(fastify, deps);
}
