import { secondFactorsOf } from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { needsSecondFactor } from '../../accounts/second-factor/needs-second-factor.js';
import { requestOptions } from '../../accounts/second-factor/passkeys.js';
import { proveSecondFactor } from '../../accounts/second-factor/prove.js';
import type { LoginDeps } from '../../interactions/login.js';
import { formRefused, tooMany } from '../../interactions/page-error.js';
import { makeForm, seeOther, sendPage, type Fields } from '../../interactions/request.js';
import { confirmPage } from '../../pages/confirm-page.js';
import { acceptPersonsForm, noteProof, PAGE, personOf, type Person } from './person.js';

const CONFIRM = `${PAGE}/confirm`;
const NEXT = ['authenticator', 'passkey'] as const;
type Next = (typeof NEXT)[number];

/** The page that asks for a proof, and where it leads back to. */
export const confirmUrl = (next?: Next) => (next ? `${CONFIRM}?next=${next}` : CONFIRM);

const nextOf = (value: unknown): Next | undefined => NEXT.find((next) => next === value);

/** `/account/security/confirm`: the password or a second factor again, before what counts is changed. */
export function mountConfirm(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(CONFIRM, async (request, reply) => {
    const person = await personOf(deps, request, reply);
    if (!person) return seeOther(reply, '/login');
    const next = nextOf((request.query as Record<string, unknown>)['next']);
    return show(deps, request, reply, person, { next });
  });

  fastify.post(CONFIRM, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    const next = nextOf(fields['next']);
    const problem =
      fields['with'] === 'password'
        ? await wrongPassword(deps, request, person, fields)
        : await wrongFactor(deps, request, person, fields);
    if (problem) return show(deps, request, reply, person, { next, problem });
    await noteProof(deps, person);
    return seeOther(reply, next ? `${PAGE}/${next}` : PAGE);
  });
}

/** What is wrong with the posted password of a person who is signed in; throws when tried too often. */
export async function wrongPassword(
  deps: LoginDeps,
  request: FastifyRequest,
  { user, session }: Person,
  fields: Fields,
): Promise<string | undefined> {
  const taken = await deps.attempts.take({
    what: 'password',
    email: user.email,
    ip: request.ip,
    // A session's own allowance: whoever stole one guesses little, and stops no sign-in.
    known: { userId: user.id, browser: session.uid },
  });
  if ('retryAfterMs' in taken) throw tooMany(taken.retryAfterMs);
  const password = (fields['current'] ?? '').slice(0, 201);
  if (!(await deps.passwords.verify(user.passwordHash, password)))
    return 'Your current password is wrong.';
  await taken.right();
  return undefined;
}

async function wrongFactor(
  deps: LoginDeps,
  request: FastifyRequest,
  { user, session }: Person,
  fields: Fields,
): Promise<string | undefined> {
  const browser = deps.forms.browserOf(request.headers.cookie);
  if (!browser) throw formRefused();
  const proof = await proveSecondFactor(deps, user, fields, {
    ip: request.ip,
    known: { userId: user.id, browser: session.uid },
    purpose: { browser, purpose: 'confirm', userId: user.id },
  });
  if (proof.outcome === 'limited') throw tooMany(proof.retryAfterMs);
  return proof.outcome === 'wrong' ? proof.problem : undefined;
}

async function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { user }: Person,
  content: { next: Next | undefined; problem?: string },
): Promise<FastifyReply> {
  const { csrf, browser } = makeForm(deps, request, reply, { page: PAGE, flow: user.id });
  const factors = await secondFactorsOf(deps.db, user.id);
  const passkey =
    factors.passkeys > 0
      ? await requestOptions(deps, { browser, purpose: 'confirm', userId: user.id })
      : undefined;
  const html = confirmPage({
    action: CONFIRM,
    csrf,
    email: user.email,
    next: content.next,
    hasPassword: user.passwordHash !== undefined,
    totp: factors.totp !== undefined,
    recovery: needsSecondFactor(factors),
    passkey,
    problem: content.problem,
  });
  const status = content.problem ? 401 : 200;
  return sendPage(deps, reply, html, { status, passkeys: passkey !== undefined });
}
