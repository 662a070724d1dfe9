import type { FetchLike } from '@modelcontextprotocol/client';
import { OAuthRefusal } from './refusal.js';

/**
 * `fetch` that follows no redirect: whoever answers with one gets to choose no second host that sees
 * a code, a secret, a token or even that something was asked (CVE-2026-111769). RFC 9110 lets a 307
 * repeat method, body and headers.
 * @throws OAuthRefusal `redirected`
 */
export function withoutRedirects(fetch: FetchLike): FetchLike {
  return async (url, init) => {
    const response = await fetch(url, { ...init, redirect: 'manual' });
    const redirects = response.type === 'opaqueredirect' || REDIRECTS.has(response.status);
    if (!redirects) return response;
    await response.body?.cancel();
    const { origin, pathname } = new URL(String(url));
    throw new OAuthRefusal(
      'redirected',
      `${origin}${pathname} answered with a redirect (${response.status}), which is not followed.`,
    );
  };
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
