import { findUser, secondFactorsOf, type UserAccount } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownBrowsers } from '../accounts/known-browsers.js';
import { needsSecondFactor } from '../accounts/second-factor/needs-second-factor.js';
import type { BrowserSessions } from './browser-session.js';
import { finishFlow, type Flow } from './flow.js';
import { formRefused } from './page-error.js';
import { putPending } from './pending-sign-in.js';
import { claim, seeOther, type PageDeps } from './request.js';
import { takeReturnPath } from './return-path.js';

export interface CompleteSignInDeps extends PageDeps {
  sessions: BrowserSessions;
  knownBrowsers: KnownBrowsers;
  vault: Vault;
}

/**
 * After a password, or a link to the person's mailbox, was right: asks for the second factor when the
 * account has one, and goes on otherwise. Nobody is signed in before. `returnTo` is a path of ours to
 * go to afterwards, outside a sign-in for a client.
 */
export async function completeSignIn(
  deps: CompleteSignInDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  flow: Flow | undefined,
  user: UserAccount,
  options: { amr?: string[]; returnTo?: string } = {},
): Promise<FastifyReply> {
  const { amr = ['pwd'], returnTo } = options;
  if (!needsSecondFactor(await secondFactorsOf(deps.db, user.id)))
    return signInBrowser(deps, request, reply, flow, user.id, { amr, returnTo });
  const browser = deps.forms.browserOf(request.headers.cookie);
  if (!browser) throw formRefused();
  const place = { browser, flow: flow?.uid };
  await putPending(deps, place, { accountId: user.id, amr, returnTo });
  const query = flow ? `?flow=${flow.uid}` : '';
  return seeOther(reply, `/login/second-factor${query}`);
}

/** After all factors: goes on with the sign-in under way, or signs this browser in. */
export async function signInBrowser(
  deps: CompleteSignInDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  flow: Flow | undefined,
  accountId: string,
  { amr, returnTo }: { amr: string[]; returnTo?: string | undefined },
): Promise<FastifyReply> {
  if (!flow) {
    await deps.sessions.begin(request, reply, accountId, amr);
    await rememberBrowser(deps, request, reply, accountId, amr);
    const back = takeReturnPath(deps, request, reply);
    return seeOther(reply, returnTo ?? back ?? '/login');
  }
  await claim(deps, flow);
  const current = await deps.sessions.read(request, reply);
  if (current && current.accountId !== accountId) {
    // Someone else is signed in here. Their session ends, and this sign-in no longer hangs on it.
    await deps.sessions.end(request, reply);
    flow.interaction.session = undefined;
  }
  await rememberBrowser(deps, request, reply, accountId, amr);
  // Said now: the consent that follows carries it on, and is no proof of who is there.
  const ts = Math.floor(Date.now() / 1000);
  return seeOther(reply, await finishFlow(flow, { login: { accountId, amr, ts } }));
}

async function rememberBrowser(
  deps: CompleteSignInDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  accountId: string,
  amr: string[],
): Promise<void> {
  // As it is now: the password may have been chosen by this very request.
  const user = await findUser(deps.db, accountId);
  if (!user) return;
  const way = amr.includes('mfa') ? 'two-factors' : 'one-factor';
  const cookie = deps.knownBrowsers.remember(request.headers.cookie, user, way);
  reply.header('set-cookie', cookie);
}
