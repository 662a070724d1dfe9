import { ConducktorError } from '@conducktor/contracts';
import { findBrowserSession, type BrowserPerson } from '@conducktor/db';
import { hashedId, sameText, sessionCsrf, signedCookie } from '@conducktor/identity';
import type { FastifyRequest } from 'fastify';
import type { Control } from '../control.js';

export interface BrowserSession extends BrowserPerson {
  /** What requests that change something must carry in `X-Conducktor-CSRF`. */
  csrf: string;
}

/** The signing key and the name of sign-in's session cookie. */
export interface SessionCookie {
  key: string;
  /** Read from the database when first asked for: on plain http it holds the installation's id. */
  name(): Promise<string>;
}

const SAFE_METHODS = new Set(['GET', 'HEAD']);

/**
 * The person signed in in this browser. A session is found out of the cookie that sign-in set, and
 * only in requests of our own pages: a cookie that another site's request carries is no proof of
 * anything. `navigation`: for a GET that only shows a page, which a link on another site may lead to.
 * Throws `unauthenticated`.
 */
export async function requireSession(
  control: Pick<Control, 'db' | 'sessionCookie' | 'publicUrl'>,
  request: FastifyRequest,
  { navigation = false }: { navigation?: boolean } = {},
): Promise<BrowserSession> {
  const { name, key } = control.sessionCookie;
  const { cookie } = request.headers;
  const value =
    cookie === undefined || (!navigation && isFromElsewhere(control.publicUrl, request))
      ? undefined
      : signedCookie(cookie, await name(), key);
  const id = value === undefined ? undefined : hashedId(value);
  const person = id === undefined ? undefined : await findBrowserSession(control.db, id);
  if (id === undefined || person === undefined)
    throw new ConducktorError(
      'unauthenticated',
      'Sign in at /login, or send an API key with the scope "admin" as "Authorization: Bearer ck_…".',
    );
  return { ...person, csrf: sessionCsrf(key, id) };
}

/** A request that changes something must show that a page of ours made it. Throws `forbidden`. */
export function requireOwnPage(
  { publicUrl }: Pick<Control, 'publicUrl'>,
  request: FastifyRequest,
  session: BrowserSession,
): void {
  if (SAFE_METHODS.has(request.method)) return;
  const token = request.headers['x-conducktor-csrf'];
  if (typeof token === 'string' && sameText(token, session.csrf)) return;
  throw new ConducktorError(
    'forbidden',
    `Permission denied: a browser must send the token of GET ${publicUrl}/api/v1/session in the header X-Conducktor-CSRF.`,
  );
}

// Browsers set both headers themselves; a page cannot change them.
function isFromElsewhere(publicUrl: string, { headers }: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && origin !== publicUrl) return true;
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}
