import { browserSessionsOf, passkeysOf, secondFactorsOf } from '@conducktor/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { relyingParty } from '../../accounts/second-factor/passkeys.js';
import type { LoginDeps } from '../../interactions/login.js';
import { makeForm, sendPage } from '../../interactions/request.js';
import { securityPage, type SecurityNotice } from '../../pages/security-page.js';
import { PAGE, type Person } from './person.js';

/** Shows all that there is to a person's signing in, with what just happened. */
export async function showOverview(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { user, session }: Person,
  notice: SecurityNotice = {},
): Promise<FastifyReply> {
  const { csrf } = makeForm(deps, request, reply, { page: PAGE, flow: user.id });
  const [factors, passkeys, sessions] = await Promise.all([
    secondFactorsOf(deps.db, user.id),
    passkeysOf(deps.db, user.id),
    browserSessionsOf(deps.db, user.id),
  ]);
  const html = securityPage({
    csrf,
    email: user.email,
    hasPassword: user.passwordHash !== undefined,
    factors,
    passkeys,
    canAddPasskeys: relyingParty(deps.publicUrl) !== undefined,
    sessions,
    current: session.uid,
    ...notice,
  });
  return sendPage(deps, reply, html, { status: notice.problem ? 400 : 200 });
}
