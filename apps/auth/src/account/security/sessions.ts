import { endBrowserSession, endBrowserSessions, inTransaction } from '@conducktor/db';
import type { FastifyInstance } from 'fastify';
import type { LoginDeps } from '../../interactions/login.js';
import { seeOther } from '../../interactions/request.js';
import { acceptPersonsForm, PAGE } from './person.js';

/** Signs out another browser, or all of them. Clients that were connected stay connected. */
export function mountSessions(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.post(`${PAGE}/sessions/end`, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    const { user, session } = person;
    const { session: uid } = fields;
    if (uid !== undefined && uid !== session.uid) {
      await endBrowserSession(deps.db, user.id, uid);
      return seeOther(reply, `${PAGE}?done=session`);
    }
    await inTransaction(deps.db, (tx) => endBrowserSessions(tx, user.id, session.uid));
    return seeOther(reply, `${PAGE}?done=sessions`);
  });
}
