import {
  computeScopeUnion,
  extractWWWAuthenticateParams,
  type FetchLike,
} from '@modelcontextprotocol/client';
import type { Challenge, OAuthClient } from './oauth-client.js';
import { OAuthRefusal } from './refusal.js';

/** Leads a person through an authorization URL; gives the query of the redirect that ends it. */
export type Browser = (authorizationUrl: URL) => Promise<URLSearchParams>;

/** How often one request, and one set of scopes, sends the person back to consent. */
const STEP_UPS = 2;

/**
 * `fetch` for one MCP server that signs in when it has to: after a 401 it refreshes, then asks the
 * person; after a 403 `insufficient_scope` it asks for what is missing beside what it has, at most
 * {@link STEP_UPS} times. Then the response is returned as it is. Bodies have to be
 * strings or bytes, as they may be sent again.
 * @throws OAuthRefusal `other_server` for another origin; everything that signing in throws
 */
export function authorizedFetch(client: OAuthClient, browser: Browser): FetchLike {
  const stepUps = new Map<string, number>();
  let signingIn: Promise<void> | undefined;

  const signIn = (challenge: Challenge): Promise<void> =>
    (signingIn ??= (async () => {
      const { url, pending } = await client.begin(challenge);
      await client.finish(pending, await browser(url));
    })().finally(() => (signingIn = undefined)));

  /** Whether it is worth asking the person for these scopes once more. */
  const mayStepUp = (scope: string): boolean => {
    const key = scope.split(' ').sort().join(' ');
    const times = (stepUps.get(key) ?? 0) + 1;
    stepUps.set(key, times);
    return times <= STEP_UPS;
  };

  return async (url, init) => {
    const { origin } = new URL(String(url));
    if (origin !== client.server.origin)
      throw new OAuthRefusal('other_server', `The tokens are not for ${origin}.`);
    let [refreshed, signedIn, steps] = [false, false, 0];
    for (;;) {
      const tokens = await client.tokens();
      const headers = new Headers(init?.headers);
      if (tokens) headers.set('authorization', `Bearer ${tokens.access_token}`);
      const response = await client.fetch(url, { ...init, headers });
      if (response.status !== 401 && response.status !== 403) return response;

      const challenge = extractWWWAuthenticateParams(response);
      if (response.status === 401) {
        if (signedIn) return response;
        await response.body?.cancel();
        // Somebody else's request has got new ones meanwhile.
        const isNew = (await client.tokens())?.access_token !== tokens?.access_token;
        if (!refreshed && (isNew || (await client.refresh(challenge)))) refreshed = true;
        else {
          await signIn(challenge);
          signedIn = true;
        }
        continue;
      }
      const scope = computeScopeUnion(tokens?.scope, challenge.scope);
      const isStepUp = challenge.error === 'insufficient_scope' && scope !== undefined;
      if (!isStepUp || steps >= STEP_UPS || !mayStepUp(scope)) return response;
      steps++;
      await response.body?.cancel();
      await signIn({ ...challenge, scope });
    }
  };
}
