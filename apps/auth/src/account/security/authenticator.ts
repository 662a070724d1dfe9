import {
  deleteRecoveryCodesWithoutFactor,
  deleteTotp,
  inTransaction,
  insertTotp,
  secondFactorsOf,
} from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { newTotpSecret, stepOf, totpPlace, totpUri } from '../../accounts/second-factor/totp.js';
import { makeRecoveryCodes } from '../../accounts/second-factor/recovery-codes.js';
import type { LoginDeps } from '../../interactions/login.js';
import { makeForm, seeOther, sendPage } from '../../interactions/request.js';
import { authenticatorPage } from '../../pages/authenticator-page.js';
import { confirmUrl } from './confirm.js';
import { tellFactorChanged } from './letters.js';
import { sendRecoveryCodes } from './recovery-codes.js';
import { acceptPersonsForm, isRecent, PAGE, personOf, type Person } from './person.js';

const SETUP = `${PAGE}/authenticator`;
/** From the QR code to the first code. */
const SETUP_SECONDS = 30 * 60;
const FACTOR = 'an authenticator app';

/** `/account/security/authenticator`: sets up an authenticator app, or removes it. */
export function mountAuthenticator(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(SETUP, async (request, reply) => {
    const person = await personOf(deps, request, reply);
    if (!person) return seeOther(reply, '/login');
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl('authenticator'));
    if ((await secondFactorsOf(deps.db, person.user.id)).totp) return seeOther(reply, PAGE);
    return show(deps, request, reply, person, { secret: newTotpSecret() });
  });

  fastify.post(SETUP, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl('authenticator'));
    const { user } = person;
    const secret = openSetup(deps, user.id, fields['setup'] ?? '');
    if (secret === undefined) return seeOther(reply, SETUP);
    const step = stepOf(secret, fields['code'] ?? '');
    if (step === undefined) {
      const problem =
        'That code is wrong. If it stays so, check that the clock of your phone is right.';
      return show(deps, request, reply, person, { secret, problem });
    }
    const { recoveryCodes } = await secondFactorsOf(deps.db, user.id);
    const codes = await inTransaction(deps.db, async (tx) => {
      const sealedSecret = deps.vault.sealForInstall(totpPlace(user.id), secret);
      if (!(await insertTotp(tx, { userId: user.id, sealedSecret, step }))) return undefined;
      await tellFactorChanged(deps, tx, user, { change: 'added', factor: FACTOR });
      return recoveryCodes === 0 ? makeRecoveryCodes(tx, user.id) : [];
    });
    // Who proved a second factor here is no stranger to its codes.
    if (codes) {
      const { cookie } = request.headers;
      reply.header('set-cookie', deps.knownBrowsers.remember(cookie, user, 'two-factors'));
    }
    return codes?.length
      ? sendRecoveryCodes(deps, reply, user, codes)
      : seeOther(reply, `${PAGE}?done=authenticator`);
  });

  fastify.post(`${SETUP}/remove`, async (request, reply) => {
    const { person } = await acceptPersonsForm(deps, request, reply);
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl());
    const { user } = person;
    await inTransaction(deps.db, async (tx) => {
      if (!(await deleteTotp(tx, user.id))) return;
      await deleteRecoveryCodesWithoutFactor(tx, user.id);
      await tellFactorChanged(deps, tx, user, { change: 'removed', factor: FACTOR });
    });
    return seeOther(reply, `${PAGE}?done=authenticator-removed`);
  });
}

function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { user }: Person,
  content: { secret: string; problem?: string },
): FastifyReply {
  const { csrf } = makeForm(deps, request, reply, { page: PAGE, flow: user.id });
  const html = authenticatorPage({
    action: SETUP,
    csrf,
    setup: sealSetup(deps, user.id, content.secret),
    secret: content.secret,
    uri: totpUri(content.secret, user.email),
    problem: content.problem,
  });
  return sendPage(deps, reply, html, { status: content.problem ? 400 : 200 });
}

// Until the first code shows that the app has it, the secret is only in the page, sealed for its person.
const setupPlace = (userId: string) => `totp_setup/${userId}`;

function sealSetup(deps: LoginDeps, userId: string, secret: string): string {
  const content = JSON.stringify({ secret, until: Date.now() + SETUP_SECONDS * 1000 });
  return deps.vault.sealForInstall(setupPlace(userId), content).toString('base64url');
}

function openSetup(deps: LoginDeps, userId: string, sealed: string): string | undefined {
  try {
    const box = Buffer.from(sealed, 'base64url');
    const content = deps.vault.openForInstall(setupPlace(userId), box).toString('utf8');
    const { secret, until } = JSON.parse(content) as { secret: string; until: number };
    return until > Date.now() ? secret : undefined;
  } catch {
    return undefined;
  }
}
