import { findUser, takeAttempt } from '@conducktor/db';
import { networkOf } from '@conducktor/identity';
import type { Logger } from '@conducktor/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RESETS_PER_ADDRESS } from '../account/letter-limits.js';
import { resetPassword, sendReset } from '../account/reset-password.js';
import type { LetterDeps } from '../account/verify-email.js';
import type { KnownBrowsers } from '../accounts/known-browsers.js';
import { passwordProblem } from '../accounts/password-rules.js';
import type { Passwords } from '../accounts/passwords.js';
import { normaliseEmail } from '../accounts/sign-in.js';
import { NO_MAIL } from '../mail/open-way-out.js';
import type { WayOut } from '../mail/way-out.js';
import { pageHeaders } from '../pages/headers.js';
import { forgotPage, resetPage } from '../pages/mailed-link-pages.js';
import { messagePage } from '../pages/message-pages.js';
import { linkEnded, openedLink, type OpenedLink } from './mailed-link.js';
import { PageError, tooMany } from './page-error.js';
import { acceptOwnForm, sendOwnForm, type PageDeps } from './request.js';

export interface ResetDeps extends PageDeps, LetterDeps {
  passwords: Passwords;
  knownBrowsers: KnownBrowsers;
  mail: WayOut['kind'];
  logger: Logger;
}

const Email = z.email().max(254);

/** `/login/forgot` asks for a letter, `/login/reset?token=…` is what its link opens. */
export function mountReset(fastify: FastifyInstance, deps: ResetDeps): void {
  const underWay = new Set<Promise<void>>();
  fastify.addHook('onClose', async () => void (await Promise.all(underWay)));

  fastify.get('/login/forgot', async (request, reply) => {
    requireMail(deps);
    return askForAddress(deps, request, reply);
  });

  fastify.post('/login/forgot', async (request, reply) => {
    const fields = acceptOwnForm(deps, request, '/login/forgot', () => '');
    requireMail(deps);
    const email = normaliseEmail(fields['email'] ?? '');
    if (!Email.safeParse(email).success) {
      const problem = 'Enter an email address, like name@example.com.';
      return askForAddress(deps, request, reply, problem);
    }
    const wait = await takeAttempt(
      deps.db,
      `reset/address/${networkOf(request.ip)}`,
      RESETS_PER_ADDRESS,
    );
    if (wait > 0) throw tooMany(wait);
    // Not waited for: the answer takes the same time whether there is an account or not.
    const work: Promise<void> = sendReset(deps, email)
      .catch((error: unknown) =>
        deps.logger.error({ err: error }, 'A letter to reset a password could not be queued'),
      )
      .finally(() => underWay.delete(work));
    underWay.add(work);
    return reply.headers(pageHeaders(deps.publicUrl)).send(
      messagePage({
        title: 'Look into your mailbox',
        what: `If ${email} has an account here, a letter with a link is on its way there. The link works for an hour.`,
        doNext:
          'No letter after some minutes? Look among spam, then ask again with the address that you sign in with.',
      }),
    );
  });

  fastify.get('/login/reset', async (request, reply) => {
    const { token } = request.query as Record<string, unknown>;
    return askForPassword(deps, request, reply, await openedLink(deps, token, ['reset']));
  });

  fastify.post('/login/reset', async (request, reply) => {
    const fields = acceptOwnForm(deps, request, '/login/reset', (sent) => sent['token']);
    const opened = await openedLink(deps, fields['token'], ['reset']);
    const password = fields['password'] ?? '';
    const problem = passwordProblem(password, [opened.user.email, opened.user.displayName]);
    if (problem) return askForPassword(deps, request, reply, opened, problem);
    const outcome = await resetPassword(deps, opened.link, opened.tokenHash, password);
    if (!outcome) throw linkEnded();
    // Whoever guesses at the account meanwhile does not keep its owner, here, from signing in.
    const user = await findUser(deps.db, opened.user.id);
    if (user) {
      const { cookie } = request.headers;
      reply.header('set-cookie', deps.knownBrowsers.remember(cookie, user, 'one-factor'));
    }
    return reply.headers(pageHeaders(deps.publicUrl)).send(
      messagePage({
        title: 'Your password was changed',
        what:
          outcome === 'kept'
            ? 'You are signed out everywhere. Apps that you connected stay connected.'
            : 'You are signed out everywhere. Nobody had confirmed this address before, so apps, API keys and second steps were taken away too.',
        doNext: 'Sign in with the new password.',
        link: { href: '/login', text: 'Sign in' },
      }),
    );
  });
}

function askForAddress(
  deps: ResetDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  problem?: string,
): FastifyReply {
  const form = { page: '/login/forgot', about: '', status: problem ? 400 : 200 } as const;
  return sendOwnForm(deps, request, reply, form, (csrf) => forgotPage({ csrf, problem }));
}

function askForPassword(
  deps: ResetDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, link }: OpenedLink,
  problem?: string,
): FastifyReply {
  const form = { page: '/login/reset', about: token, status: problem ? 400 : 200 } as const;
  return sendOwnForm(deps, request, reply, form, (csrf) =>
    resetPage({ csrf, token, email: link.email, problem }),
  );
}

/** Better than a promise of a letter that nobody sends. */
function requireMail({ mail }: ResetDeps): void {
  if (mail !== 'off') return;
  throw new PageError(503, {
    title: 'No letter can be sent',
    what: `${NO_MAIL} So a forgotten password cannot be replaced here.`,
    doNext: 'Ask the person who runs Conducktor where you work.',
    code: 'mail_off',
  });
}
