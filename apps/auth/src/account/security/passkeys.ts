import {
  deletePasskey,
  deleteRecoveryCodesWithoutFactor,
  inTransaction,
  insertPasskey,
  passkeysOf,
  renamePasskey,
  secondFactorsOf,
} from '@conducktor/db';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { plainName } from '../../accounts/plain-name.js';
import {
  checkNewPasskey,
  creationOptions,
  PASSKEYS_MAX,
} from '../../accounts/second-factor/passkeys.js';
import { makeRecoveryCodes } from '../../accounts/second-factor/recovery-codes.js';
import type { LoginDeps } from '../../interactions/login.js';
import { formRefused } from '../../interactions/page-error.js';
import { makeForm, seeOther, sendPage } from '../../interactions/request.js';
import { addPasskeyPage } from '../../pages/add-passkey-page.js';
import { confirmUrl } from './confirm.js';
import { tellFactorChanged } from './letters.js';
import { sendRecoveryCodes } from './recovery-codes.js';
import { acceptPersonsForm, isRecent, PAGE, personOf, type Person } from './person.js';

const ADD = `${PAGE}/passkey`;

/** `/account/security/passkey`: adds a passkey; below it, names and removes one. */
export function mountPasskeys(fastify: FastifyInstance, deps: LoginDeps): void {
  fastify.get(ADD, async (request, reply) => {
    const person = await personOf(deps, request, reply);
    if (!person) return seeOther(reply, '/login');
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl('passkey'));
    return show(deps, request, reply, person);
  });

  fastify.post(ADD, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl('passkey'));
    const browser = deps.forms.browserOf(request.headers.cookie);
    if (!browser) throw formRefused();
    const { user } = person;
    const name = plainName(fields['name'] ?? '') || 'Passkey';
    const answer = fields['answer'] ?? '';
    const passkey = await checkNewPasskey(deps, { user, browser, name, answer });
    const { recoveryCodes } = await secondFactorsOf(deps.db, user.id);
    const codes =
      passkey &&
      (await inTransaction(deps.db, async (tx) => {
        if (!(await insertPasskey(tx, passkey, PASSKEYS_MAX))) return undefined;
        await tellFactorChanged(deps, tx, user, { change: 'added', factor: `the passkey ${name}` });
        return recoveryCodes === 0 ? makeRecoveryCodes(tx, user.id) : [];
      }));
    if (!codes) {
      const problem = `That passkey could not be added: it is known already, took too long, or you have ${PASSKEYS_MAX}. Try again.`;
      return show(deps, request, reply, person, problem);
    }
    return codes.length > 0
      ? sendRecoveryCodes(deps, reply, user, codes)
      : seeOther(reply, `${PAGE}?done=passkey`);
  });

  fastify.post(`${ADD}/rename`, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    const name = plainName(fields['name'] ?? '');
    const passkey = { userId: person.user.id, id: fields['id'] ?? '', name };
    if (name) await renamePasskey(deps.db, passkey);
    return seeOther(reply, `${PAGE}?done=passkey-renamed`);
  });

  fastify.post(`${ADD}/remove`, async (request, reply) => {
    const { person, fields } = await acceptPersonsForm(deps, request, reply);
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl());
    const { user } = person;
    await inTransaction(deps.db, async (tx) => {
      const name = await deletePasskey(tx, user.id, fields['id'] ?? '');
      if (name === undefined) return;
      await deleteRecoveryCodesWithoutFactor(tx, user.id);
      await tellFactorChanged(deps, tx, user, { change: 'removed', factor: `the passkey ${name}` });
    });
    return seeOther(reply, `${PAGE}?done=passkey-removed`);
  });
}

async function show(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { user }: Person,
  problem?: string,
): Promise<FastifyReply> {
  const { csrf, browser } = makeForm(deps, request, reply, { page: PAGE, flow: user.id });
  const options = await creationOptions(deps, user, browser);
  const full = (await passkeysOf(deps.db, user.id)).length >= PASSKEYS_MAX;
  if (options === undefined || full) return seeOther(reply, PAGE);
  const html = addPasskeyPage({ action: ADD, csrf, options, problem });
  return sendPage(deps, reply, html, { status: problem ? 400 : 200, passkeys: true });
}
