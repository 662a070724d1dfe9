import { ConducktorError } from '@conducktor/contracts';
import { sameText } from '@conducktor/identity';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Control } from '../control.js';
import { requireSession, type BrowserSession } from '../http/browser-session.js';
import { problemOf } from '../http/problem.js';
import { securityHeaders } from '../http/security-headers.js';
import { CARD_HEADERS, messageCard } from './card.js';

const BODY_LIMIT = 128 * 1024;

/**
 * Makes a scope one of pages with a form, for people signed in in this browser: what they post is a form,
 * what goes wrong is a page, and who is not signed in comes back after they did.
 */
export function serveCards(fastify: FastifyInstance, control: Control): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    (_request, body, done) => done(null, new URLSearchParams(body as string)),
  );
  fastify.addHook('onRequest', async (_request, reply) => {
    void reply.headers({ ...securityHeaders(control.publicUrl), ...CARD_HEADERS });
  });
  fastify.setErrorHandler((error, request, reply) => failed(control, error, request, reply));
}

/** Who posted, and what. Throws `forbidden` for a form that no page of this session holds. */
export async function postedForm(
  control: Control,
  request: FastifyRequest,
): Promise<{ session: BrowserSession; form: URLSearchParams }> {
  const session = await requireSession(control, request);
  const form = (request.body as URLSearchParams | null) ?? new URLSearchParams();
  if (!sameText(form.get('csrf') ?? '', session.csrf))
    throw new ConducktorError(
      'forbidden',
      'This form was not made by this server for your session. Nothing was done; load the page again.',
    );
  return { session, form };
}

function failed(
  control: Control,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { code, status, detail } = problemOf(error);
  if (code === 'unauthenticated') {
    const back = encodeURIComponent(request.url.split('?')[0]!);
    return reply.redirect(`/login?return=${back}`, 303);
  }
  if (code === 'internal_error')
    control.logger.error({ err: error, route: request.routeOptions.url }, 'A page failed');
  // Set anew: a type that was set before an error is taken back.
  return reply
    .code(status)
    .header('content-type', CARD_HEADERS['content-type'])
    .send(messageCard('This page cannot be shown', detail));
}
