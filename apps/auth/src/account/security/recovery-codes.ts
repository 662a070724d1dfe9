import { inTransaction, secondFactorsOf, type UserAccount } from '@conducktor/db';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { needsSecondFactor } from '../../accounts/second-factor/needs-second-factor.js';
import { makeRecoveryCodes } from '../../accounts/second-factor/recovery-codes.js';
import type { LoginDeps } from '../../interactions/login.js';
import { seeOther, sendPage } from '../../interactions/request.js';
import { recoveryCodesPage } from '../../pages/recovery-codes-page.js';
import { confirmUrl } from './confirm.js';
import { tellFactorChanged } from './letters.js';
import { acceptPersonsForm, isRecent, PAGE } from './person.js';

/** Makes ten new recovery codes; those before are void. */
export function mountRecoveryCodes(fastify: FastifyInstance, deps: LoginDeps): void {
  // Whoever reloads the page that showed them: they are not shown again.
  fastify.get(`${PAGE}/recovery-codes`, async (_request, reply) => seeOther(reply, PAGE));

  fastify.post(`${PAGE}/recovery-codes`, async (request, reply) => {
    const { person } = await acceptPersonsForm(deps, request, reply);
    if (!(await isRecent(deps, person))) return seeOther(reply, confirmUrl());
    const { user } = person;
    if (!needsSecondFactor(await secondFactorsOf(deps.db, user.id))) return seeOther(reply, PAGE);
    const codes = await inTransaction(deps.db, async (tx) => {
      await tellFactorChanged(deps, tx, user, {
        change: 'added',
        factor: 'a new set of recovery codes',
      });
      return makeRecoveryCodes(tx, user.id);
    });
    return sendRecoveryCodes(deps, reply, user, codes);
  });
}

/** The only page that ever shows them. */
export function sendRecoveryCodes(
  deps: LoginDeps,
  reply: FastifyReply,
  { email }: UserAccount,
  codes: readonly string[],
): FastifyReply {
  const { host } = new URL(deps.publicUrl);
  return sendPage(deps, reply, recoveryCodesPage({ codes, email, host }));
}
