import {
  endBrowserSessions,
  endSignInsUnderWay,
  inTransaction,
  membershipsOf,
  setPassword,
  voidMailedLinks,
} from '@conducktor/db';
import type { FastifyInstance } from 'fastify';
import { passwordProblem } from '../../accounts/password-rules.js';
import type { LoginDeps } from '../../interactions/login.js';
import { seeOther } from '../../interactions/request.js';
import { wrongPassword } from './confirm.js';
import { tellPasswordChanged } from './letters.js';
import { showOverview } from './overview.js';
import { acceptPersonsForm, PAGE } from './person.js';

/** Changes the password, for whoever knows the current one; every other browser is signed out. */
export function mountPassword(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.post(`${PAGE}/password`, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    const { user, session } = person;
    const password = fields['password'] ?? '';
    const workspaces = await membershipsOf(deps.db, user.id);
    const about = [user.email, user.displayName, ...workspaces.map((each) => each.tenantName)];
    const problem =
      (await wrongPassword(deps, request, person, fields)) ?? passwordProblem(password, about);
    if (problem) return showOverview(deps, request, reply, person, { problem, at: 'password' });
    const passwordHash = await deps.passwords.hash(password);
    await inTransaction(deps.db, async (tx) => {
      await setPassword(tx, user.id, passwordHash);
      await endBrowserSessions(tx, user.id, session.uid);
      await endSignInsUnderWay(tx, user.id);
      // Whoever knew the old password may have begun to move the account to a mailbox of theirs.
      await voidMailedLinks(tx, user.id, ['reset', 'change']);
      await tellPasswordChanged(deps, tx, user);
    });
    // This browser goes on being known, those in which the old password was used do not.
    const { cookie } = request.headers;
    const changed = { ...user, passwordHash };
    const way = session.amr.includes('mfa') ? 'two-factors' : 'one-factor';
    reply.header('set-cookie', deps.knownBrowsers.remember(cookie, changed, way));
    return seeOther(reply, `${PAGE}?done=password`);
  });
}
