import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse } from '../oidc/cookie-header.js';
import type { CookieNames } from '../oidc/cookies.js';

const BROWSER_ID = /^[A-Za-z0-9_-]{43}$/;

export interface FormGuard {
  /** The random cookie of this browser, when it has one. */
  browserOf(cookieHeader: string | undefined): string | undefined;
  /** The token for a form, and the cookie to set when this browser has none yet. */
  issue(
    cookieHeader: string | undefined,
    form: FormId,
  ): { csrf: string; browser: string; setCookie: string | undefined };
  /** Whether a posted form was made by us, for this browser, this page and this sign-in. */
  accepts(
    request: { cookie: string | undefined; origin: string | undefined; csrf: string | undefined },
    form: FormId,
  ): boolean;
}

/** A page and, on it, what it belongs to. */
export interface FormId {
  page:
    | '/login'
    | '/signup'
    | '/consent'
    | '/invite'
    | '/verify'
    | `/login/${string}`
    | '/account'
    | `/account/${string}`;
  /** The sign-in under way, the token of a link, or the account that the page is about. */
  flow: string | undefined;
}

/**
 * Forms tied to a browser: the token is an HMAC over the browser's random cookie, the page and the
 * sign-in. The Origin header, where a browser sends it, must be ours too.
 */
export function createFormGuard(deps: {
  key: string;
  cookies: CookieNames;
  publicUrl: string;
}): FormGuard {
  const name = deps.cookies.browser;
  const secure = deps.publicUrl.startsWith('https:') ? '; Secure' : '';
  const token = (browser: string, form: FormId) =>
    createHmac('sha256', deps.key)
      .update(JSON.stringify(['form', browser, form.page, form.flow ?? '']))
      .digest('base64url');
  const browserOf = (header: string | undefined) =>
    parse(header).find(([cookie, value]) => cookie === name && BROWSER_ID.test(value))?.[1];

  return {
    browserOf,
    issue(cookieHeader, form) {
      const known = browserOf(cookieHeader);
      const browser = known ?? randomBytes(32).toString('base64url');
      return {
        csrf: token(browser, form),
        browser,
        setCookie: known
          ? undefined
          : `${name}=${browser}; Path=/; HttpOnly; SameSite=Lax${secure}`,
      };
    },
    accepts(request, form) {
      if (request.origin !== undefined && request.origin !== deps.publicUrl) return false;
      const browser = browserOf(request.cookie);
      if (!browser || !request.csrf) return false;
      const expected = Buffer.from(token(browser, form));
      const given = Buffer.from(request.csrf);
      return expected.length === given.length && timingSafeEqual(expected, given);
    },
  };
}
