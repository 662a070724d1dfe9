import { type CookieNames } from '@conducktor/identity';
import { parse } from './cookie-header.js';

export { cookieNames, type CookieNames } from '@conducktor/identity';

/** The cookie that one sign-in under way leaves in the browser that began it; its value is `uid`. */
export const flowCookie = (names: CookieNames, uid: string) => `${names.flow}_${uid}`;

/** Whether this browser began the sign-in `uid`. */
export function holdsFlow(names: CookieNames, header: string | undefined, uid: string): boolean {
  return parse(header).some(([name, value]) => name === flowCookie(names, uid) && value === uid);
}

// oidc-provider knows one resume cookie and tells sign-ins apart by its path, which `__Host-` forbids.
// So on the wire the cookie carries the sign-in's id in its name, and here it is renamed both ways.
const RESUME_PATH = /; path=\/oauth2\/authorize\/([\w-]+)/i;

/** `Set-Cookie` headers as oidc-provider wrote them → as the browser gets them. */
export function renameForBrowser(names: CookieNames, headers: readonly string[]): string[] {
  return headers.flatMap((header) => {
    const name = header.slice(0, header.indexOf('='));
    // The interaction cookie: nothing here reads it.
    if (name.startsWith(`${names.flow}_i`)) return [];
    const uid = RESUME_PATH.exec(header)?.[1];
    if (!uid || !name.startsWith(names.flow)) return [header];
    const renamed = flowCookie(names, uid) + name.slice(names.flow.length);
    return [renamed + header.slice(name.length).replace(RESUME_PATH, '; path=/')];
  });
}

/** A `Cookie` header from the browser → as oidc-provider expects it on the way back to `uid`. */
export function renameForProvider(
  names: CookieNames,
  header: string | undefined,
  uid: string | undefined,
): string {
  const own = uid === undefined ? undefined : flowCookie(names, uid);
  return parse(header)
    .flatMap(([name, value]) => {
      if (!name.startsWith(names.flow)) return [[name, value] as const];
      if (name === own) return [[names.flow, value] as const];
      if (name === `${own}.sig`) return [[`${names.flow}.sig`, value] as const];
      return [];
    })
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
}
