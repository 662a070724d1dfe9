import { ConducktorError } from '@conducktor/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Control } from '../../control.js';
import { requireSession, type BrowserSession } from '../../http/browser-session.js';
import { postedForm } from '../../pages/card-routes.js';
import { testConnection } from '../test-connection.js';
import { updateConnection } from '../update-connection.js';
import { findConnection, type OwnConnection } from './find-connection.js';
import { patchOf, problemOf, readForm } from './form.js';
import { secretPage } from './page.js';

export const SECRET_PATH = '/connections/:id/secret';

/**
 * Where a person enters the secret of a connection, so that it is in no conversation: a page for
 * owners and admins, signed in in this browser. Works without scripts. What was entered is stored
 * sealed and never comes back; then the connection is tested and the page says how that went.
 */
export function mountSecretPage(fastify: FastifyInstance, control: Control): void {
  fastify.get(SECRET_PATH, async (request, reply) => {
    const session = await requireSession(control, request, { navigation: true });
    const own = await findConnection(control, session.userId, idOf(request));
    return show(reply, session, own, {});
  });

  fastify.post(SECRET_PATH, async (request, reply) => {
    const { session, form: posted } = await postedForm(control, request);
    const form = readForm(posted);
    const own = await findConnection(control, session.userId, idOf(request));
    const { names } = form;
    try {
      const problem = form.testOnly ? undefined : problemOf(form);
      if (problem !== undefined) throw new ConducktorError('invalid_request', problem);
      if (!form.testOnly)
        await updateConnection(
          control,
          own.caller,
          own.connection.id,
          patchOf(own.connection.kind, form),
        );
    } catch (error) {
      if (!(error instanceof ConducktorError)) throw error;
      return show(reply, session, own, { names, problem: error });
    }
    try {
      await testConnection(control, own.caller, own.connection.id);
    } catch (error) {
      if (!(error instanceof ConducktorError)) throw error;
      const stored = form.testOnly ? '' : 'The secret is stored. ';
      const problem = new ConducktorError(
        error.code,
        `${stored}The connection could not be tested: ${error.message}`,
      );
      const now = await findConnection(control, session.userId, own.connection.id);
      return show(reply, session, now, { problem });
    }
    // Read again by itself: loading the page once more must not send the secret once more.
    return reply.redirect(pathOf(own.connection.id), 303);
  });
}

const pathOf = (id: string) => SECRET_PATH.replace(':id', id);

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id;

function show(
  reply: FastifyReply,
  { csrf }: BrowserSession,
  { workspace, connection }: OwnConnection,
  { names = [], problem }: { names?: string[]; problem?: ConducktorError },
): FastifyReply {
  return reply
    .code(problem?.status ?? 200)
    .send(secretPage({ csrf, workspace, connection, names, problem: problem?.message }));
}
