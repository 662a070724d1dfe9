import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { UserAccount } from '@conducktor/db';
import { parse } from '../oidc/cookie-header.js';
import type { CookieNames } from '../oidc/cookies.js';

/** 400 days: the most that browsers keep a cookie. */
const SECONDS = 400 * 24 * 3600;
/** One browser, several people: the last ones are kept. */
const ACCOUNTS_MAX = 6;
// A random name and its signature: 12 and 16 bytes in base64url.
const ENTRY = /^([A-Za-z0-9_-]{16})([A-Za-z0-9_-]{22})$/;

/** With a second factor, or by the password or a link from the mailbox alone. */
export type Way = 'two-factors' | 'one-factor';

type Person = Pick<UserAccount, 'id' | 'passwordHash'>;

/**
 * Remembers, in a cookie of the browser's own, which accounts were here. It opens nothing: wrong
 * passwords and codes from here are only counted apart from those of strangers. It ends with the
 * password: who knew an earlier one, from however many browsers, is a stranger again.
 */
export interface KnownBrowsers {
  /**
   * The browser's name for this account, or undefined for a stranger. Who came without a second
   * factor, such as before there was one, is a stranger where codes are guessed.
   */
  recognise(
    cookieHeader: string | undefined,
    person: Person,
    guessing: 'password' | 'code',
  ): string | undefined;
  /** The `Set-Cookie` after signing in, or after a mailed link was used. */
  remember(cookieHeader: string | undefined, person: Person, way: Way): string;
}

export function createKnownBrowsers(deps: {
  key: string;
  cookies: CookieNames;
  publicUrl: string;
}): KnownBrowsers {
  const name = `${deps.cookies.browser}_known`;
  const secure = deps.publicUrl.startsWith('https:') ? '; Secure' : '';
  const signature = ({ id, passwordHash = '' }: Person, browser: string, way: Way) =>
    createHmac('sha256', deps.key)
      .update(JSON.stringify(['known-browser', way, id, passwordHash, browser]))
      .digest()
      .subarray(0, 16);
  const entriesOf = (header: string | undefined) =>
    (parse(header).find(([cookie]) => cookie === name)?.[1] ?? '')
      .split('.')
      .slice(0, ACCOUNTS_MAX)
      .filter((entry) => ENTRY.test(entry));
  const find = (header: string | undefined, person: Person, way: Way) =>
    entriesOf(header).find((entry) => {
      const [, browser, signed] = ENTRY.exec(entry)!;
      return timingSafeEqual(signature(person, browser!, way), Buffer.from(signed!, 'base64url'));
    });

  return {
    recognise(header, person, guessing) {
      const whole = find(header, person, 'two-factors');
      const entry =
        whole ?? (guessing === 'password' ? find(header, person, 'one-factor') : undefined);
      return entry?.slice(0, 16);
    },
    remember(header, person, way) {
      const browser = randomBytes(12).toString('base64url');
      const own =
        find(header, person, way) ??
        browser + signature(person, browser, way).toString('base64url');
      const kept = [own, ...entriesOf(header).filter((entry) => entry !== own)];
      const value = kept.slice(0, ACCOUNTS_MAX).join('.');
      return `${name}=${value}; Path=/; Max-Age=${SECONDS}; HttpOnly; SameSite=Lax${secure}`;
    },
  };
}
