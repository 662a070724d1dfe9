import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Names of the cookies that sign-in uses. */
export interface CookieNames {
  session: string;
  /** One per sign-in under way. */
  flow: string;
  /** Ties forms to the browser that they were made for. */
  browser: string;
}

/**
 * `__Host-` names on https: a browser then takes them only from this exact host over https, so no
 * neighbouring host can plant one. Plain http knows no such prefix; there the installation's id keeps
 * two stacks on one host apart.
 */
export function cookieNames(publicUrl: string, instanceId: string): CookieNames {
  const prefix = publicUrl.startsWith('https:') ? '__Host-conducktor' : `conducktor_${instanceId}`;
  return { session: `${prefix}_session`, flow: `${prefix}_flow`, browser: `${prefix}_browser` };
}

/** Name and raw value of each cookie in a `Cookie` header (RFC 6265 section 4.2), in order. */
export function readCookies(header: string | undefined): (readonly [string, string])[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.includes('='))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
}

/** The value of `<name>.sig` beside a cookie, as sign-in's server writes it (package keygrip). */
export function signCookie(key: string, name: string, value: string): string {
  return createHmac('sha1', key).update(`${name}=${value}`).digest('base64url');
}

/**
 * The value of a cookie whose signature is ours, or undefined. A name that comes twice is nobody's:
 * one of the two was planted.
 */
export function signedCookie(
  header: string | undefined,
  name: string,
  key: string,
): string | undefined {
  const cookies = readCookies(header);
  const values = cookies.filter(([each]) => each === name);
  const signatures = cookies.filter(([each]) => each === `${name}.sig`);
  if (values.length !== 1 || signatures.length !== 1) return undefined;
  const value = values[0]![1];
  return sameText(signatures[0]![1], signCookie(key, name, value)) ? value : undefined;
}

/** The id under which a row is kept whose real id is a secret that its holder shows. */
export const hashedId = (secret: string): string =>
  createHash('sha256').update(secret).digest('base64url');

/** What a page of ours sends along to show that it, and no other site, makes the request. */
export function sessionCsrf(key: string, hashedSessionId: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['rest', hashedSessionId]))
    .digest('base64url');
}

/** Compares two texts in a time that tells nothing but their lengths. */
export function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
