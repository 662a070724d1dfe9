import { findOidcPayload, findUser, upsertOidcPayload, type UserAccount } from '@conducktor/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SignedIn } from '../../interactions/browser-session.js';
import type { LoginDeps } from '../../interactions/login.js';
import { formRefused } from '../../interactions/page-error.js';
import { acceptOwnForm, type Fields } from '../../interactions/request.js';

/** Every form of these pages is made for this page and the person. */
export const PAGE = '/account/security';
/** What changes how an account is signed in to asks for a proof no older than this. */
export const RECENT_SECONDS = 10 * 60;
const PROOF = 'RecentProof';

export interface Person {
  user: UserAccount;
  session: SignedIn;
}

/** Who is signed in; undefined: nobody, so the page is not theirs to see. */
export async function personOf(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Person | undefined> {
  const session = await deps.sessions.read(request, reply);
  const user = session && (await findUser(deps.db, session.accountId));
  return user && { user, session };
}

/** A posted form of these pages and whose it is. Throws PageError. */
export async function acceptPersonsForm(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ person: Person; fields: Fields }> {
  const person = await personOf(deps, request, reply);
  if (!person) throw formRefused();
  return { person, fields: acceptOwnForm(deps, request, PAGE, () => person.user.id) };
}

/** Whether this session was begun, or its person proved who they are, within ten minutes. */
export async function isRecent(deps: LoginDeps, { session }: Person): Promise<boolean> {
  if (Date.now() / 1000 - session.signedInAt < RECENT_SECONDS) return true;
  return (await findOidcPayload(deps.db, PROOF, session.uid)) !== undefined;
}

export async function noteProof(deps: LoginDeps, { session }: Person): Promise<void> {
  await upsertOidcPayload(deps.db, {
    kind: PROOF,
    id: session.uid,
    payload: {},
    expiresInSeconds: RECENT_SECONDS,
  });
}
