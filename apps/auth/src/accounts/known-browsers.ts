import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parse } from '../oidc/cookie-header.js';
import type { CookieNames } from '../oidc/cookies.js';

/** 400 days: the most that browsers keep a cookie. */
const SECONDS = 400 * 24 * 3600;
/** One browser, several people: the last ones are kept. */
const ACCOUNTS_MAX = 6;
// A random name and its signature: 12 and 16 bytes in base64url.
const ENTRY = /^([A-Za-z0-9_-]{16})([A-Za-z0-9_-]{22})$/;

/**
 * Remembers, in a cookie of the browser's own, which accounts signed in with it. It opens nothing:
 * wrong passwords from here are only counted apart from those of strangers.
 */
export interface KnownBrowsers {
  /** The browser's name for this account, or undefined when the account never signed in with it. */
  recognise(cookieHeader: string | undefined, userId: string): string | undefined;
  /** The `Set-Cookie` after a whole sign-in, second factor included. */
  remember(cookieHeader: string | undefined, userId: string): string;
}

export function createKnownBrowsers(deps: {
  key: string;
  cookies: CookieNames;
  publicUrl: string;
}): KnownBrowsers {
  const name = `${deps.cookies.browser}_known`;
  const secure = deps.publicUrl.startsWith('https:') ? '; Secure' : '';
  const signature = (userId: string, browser: string) =>
    createHmac('sha256', deps.key)
      .update(JSON.stringify(['known-browser', userId, browser]))
      .digest()
      .subarray(0, 16);
  const entriesOf = (header: string | undefined) =>
    (parse(header).find(([cookie]) => cookie === name)?.[1] ?? '')
      .split('.')
      .slice(0, ACCOUNTS_MAX)
      .filter((entry) => ENTRY.test(entry));
  const isOf = (userId: string) => (entry: string) => {
    const [, browser, signed] = ENTRY.exec(entry)!;
    return timingSafeEqual(signature(userId, browser!), Buffer.from(signed!, 'base64url'));
  };

  return {
    recognise: (header, userId) => entriesOf(header).find(isOf(userId))?.slice(0, 16),
    remember(header, userId) {
      const entries = entriesOf(header);
      const known = entries.find(isOf(userId));
      const browser = randomBytes(12).toString('base64url');
      const own = known ?? browser + signature(userId, browser).toString('base64url');
      const kept = [own, ...entries.filter((entry) => entry !== own)].slice(0, ACCOUNTS_MAX);
      return `${name}=${kept.join('.')}; Path=/; Max-Age=${SECONDS}; HttpOnly; SameSite=Lax${secure}`;
    },
  };
}
