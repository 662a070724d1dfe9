import type { FastifyInstance } from 'fastify';
import { confirmAddress, type LetterDeps } from '../account/verify-email.js';
import { pageHeaders } from '../pages/headers.js';
import { confirmAddressPage } from '../pages/mailed-link-pages.js';
import { messagePage } from '../pages/message-pages.js';
import { linkEnded, openedLink } from './mailed-link.js';
import { PageError } from './page-error.js';
import { acceptOwnForm, sendOwnForm, type PageDeps } from './request.js';

const KINDS = ['verify', 'change'] as const;

/** `/verify?token=…`: what the link to a mailbox opens. Only posting it confirms anything. */
export function mountVerify(fastify: FastifyInstance, deps: PageDeps & LetterDeps): void {
  fastify.get('/verify', async (request, reply) => {
    const { token } = request.query as Record<string, unknown>;
    const opened = await openedLink(deps, token, KINDS);
    const { link, user } = opened;
    return sendOwnForm(deps, request, reply, { page: '/verify', about: opened.token }, (csrf) =>
      confirmAddressPage({
        csrf,
        token: opened.token,
        email: link.email,
        oldAddress: link.kind === 'change' ? user.email : undefined,
      }),
    );
  });

  fastify.post('/verify', async (request, reply) => {
    const fields = acceptOwnForm(deps, request, '/verify', (sent) => sent['token']);
    const { link, user, tokenHash } = await openedLink(deps, fields['token'], KINDS);
    const outcome = await confirmAddress(deps, link, user, tokenHash);
    if (outcome === 'ended') throw linkEnded();
    if (outcome === 'taken') throw addressTaken(link.email);
    return reply.headers(pageHeaders(deps.publicUrl)).send(
      messagePage({
        title: 'Your address is confirmed',
        what:
          outcome === 'changed'
            ? `You sign in with ${link.email} from now on. ${user.email} was told.`
            : `${link.email} is yours.`,
        doNext: 'You can close this page.',
      }),
    );
  });
}

const addressTaken = (email: string) =>
  new PageError(409, {
    title: 'Your address was not changed',
    what: `${email} has an account of its own here, or your account got another address meanwhile.`,
    doNext: 'Sign in with the address that you had, and choose another one.',
    code: 'address_taken',
  });
