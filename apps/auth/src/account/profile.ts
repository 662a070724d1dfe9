import { emailVerifiedAt, setDisplayName, type UserAccount } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { plainName } from '../accounts/plain-name.js';
import { normaliseEmail, signIn } from '../accounts/sign-in.js';
import { formRefused, tooMany } from '../interactions/page-error.js';
import { acceptOwnForm, seeOther, sendOwnForm, type Fields } from '../interactions/request.js';
import { NO_MAIL } from '../mail/open-way-out.js';
import { mayWriteTo, waitToChange } from './letter-limits.js';
import { personOf, sentenceOf, type AccountDeps } from './person.js';
import { profilePage } from './profile-page.js';
import { sendChange, sendVerification } from './verify-email.js';

const PAGE = '/account';
const DONE = {
  name: 'Your name was saved.',
  sent: 'A letter is on its way. Its link works for 24 hours.',
  change: 'A letter is on its way to the new address. Its link works for 24 hours.',
};

const Email = z.email('Enter an email address, like name@example.com.').max(254);

/** What becomes of a form of this page: where to go on, or what was wrong with it. */
type Outcome = { done: keyof typeof DONE } | { problem: string };

/** `/account`: name and address of the person who is signed in. */
export function mountProfile(fastify: FastifyInstance, deps: AccountDeps): void {
  fastify.get(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    return user ? show(deps, request, reply, user) : seeOther(reply, '/login');
  });

  fastify.post(PAGE, async (request, reply) => {
    const user = await personOf(deps, request, reply);
    if (!user) throw formRefused();
    const fields = acceptOwnForm(deps, request, PAGE, () => user.id);
    const outcome = await act(deps, request, user, fields);
    if ('problem' in outcome) return show(deps, request, reply, user, outcome.problem);
    return seeOther(reply, `${PAGE}?done=${outcome.done}`);
  });
}

async function act(
  deps: AccountDeps,
  request: FastifyRequest,
  user: UserAccount,
  fields: Fields,
): Promise<Outcome> {
  switch (fields['decision']) {
    case 'name': {
      const name = plainName(fields['name'] ?? '');
      if (name === '') return { problem: 'Enter your name.' };
      await setDisplayName(deps.db, user.id, name);
      return { done: 'name' };
    }
    case 'verify': {
      if (deps.mail === 'off') return { problem: NO_MAIL };
      if (!(await mayWriteTo(deps.db, 'verify', user.email)))
        return {
          problem: 'Letters were sent to you just now. Look into your mailbox, also among spam.',
        };
      await sendVerification(deps, deps.db.pool, user);
      return { done: 'sent' };
    }
    case 'change':
      return beginChange(deps, request, user, fields);
    default:
      throw formRefused();
  }
}

async function beginChange(
  deps: AccountDeps,
  request: FastifyRequest,
  user: UserAccount,
  fields: Fields,
): Promise<Outcome> {
  if (deps.mail === 'off') return { problem: NO_MAIL };
  const email = Email.safeParse(normaliseEmail(fields['email'] ?? ''));
  if (!email.success) return { problem: email.error.issues[0]!.message };
  if (email.data === user.email.toLowerCase()) return { problem: 'This is your address already.' };
  // The address opens the account by a reset, so a browser left open does not suffice to change it.
  const checked = await signIn(deps, {
    email: user.email,
    password: fields['password'] ?? '',
    ip: request.ip,
    knownAs: (user) => deps.knownBrowsers.recognise(request.headers.cookie, user, 'password'),
  });
  if (checked.outcome === 'limited') throw tooMany(checked.retryAfterMs);
  if (checked.outcome === 'wrong')
    return { problem: 'The password is wrong. Nothing was changed.' };
  const wait = await waitToChange(deps.db, user.id);
  if (wait > 0) throw tooMany(wait);
  // Too many letters to that mailbox: the answer is the same, because others may have caused them.
  if (await mayWriteTo(deps.db, 'change', email.data)) await sendChange(deps, user, email.data);
  return { done: 'change' };
}

async function show(
  deps: AccountDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  user: UserAccount,
  problem?: string,
): Promise<FastifyReply> {
  const verifiedAt = await emailVerifiedAt(deps.db, user.id);
  const form = { page: PAGE, about: user.id, status: problem ? 400 : 200 } as const;
  return sendOwnForm(deps, request, reply, form, (csrf) =>
    profilePage({
      csrf,
      name: user.displayName,
      email: user.email,
      verifiedAt,
      mail: deps.mail !== 'off',
      done: sentenceOf(request, DONE),
      problem,
    }),
  );
}
