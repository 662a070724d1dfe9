import {
  findMailedLink,
  findUser,
  type LinkKind,
  type MailedLink,
  type UserAccount,
} from '@conducktor/db';
import { hashInvitation } from '@conducktor/identity';
import { PageError } from './page-error.js';
import type { PageDeps } from './request.js';

/** A link of a letter that may still be used, and whose account it is for. */
export interface OpenedLink {
  token: string;
  tokenHash: Buffer;
  link: MailedLink;
  user: UserAccount;
}

/** Throws PageError: used, expired, unknown and malformed links are told alike. */
export async function openedLink(
  deps: PageDeps,
  token: unknown,
  kinds: readonly LinkKind[],
): Promise<OpenedLink> {
  const tokenHash = typeof token === 'string' ? hashInvitation(token) : undefined;
  const link = tokenHash && (await findMailedLink(deps.db, kinds, tokenHash));
  const user = link && (await findUser(deps.db, link.userId));
  if (!user) throw linkEnded();
  return { token: token as string, tokenHash: tokenHash!, link: link!, user };
}

export const linkEnded = () =>
  new PageError(404, {
    title: 'This link cannot be used',
    what: 'It was used already, is too old, or its address is incomplete. Nothing was changed.',
    doNext: 'Sign in, or ask for a new letter on the page where you asked for this one.',
    code: 'link_ended',
  });
