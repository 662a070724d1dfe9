const MAX_LENGTH = 1024;
const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a client id is meant to be the address of a metadata document, well-formed or not. */
export const isUrlLike = (clientId: string) => /^[a-z][a-z0-9+.-]*:/i.test(clientId);

/**
 * Why this client id cannot be a metadata document's URL (draft-ietf-oauth-client-id-metadata-document
 * section 3), or undefined when it can. Only the normal spelling of an address is taken: ids are
 * compared as text, and no second reader may see another host in it.
 */
export function refuseDocumentUrl(clientId: string): string | undefined {
  if (clientId.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`;
  const url = URL.parse(clientId);
  if (!url || url.href !== clientId) return 'it is not an address in its normal spelling';
  if (!isFetchable(url)) return 'only https addresses are fetched';
  if (url.username || url.password) return 'it holds a user name or password';
  if (clientId.includes('#')) return 'it has a fragment';
  if (url.pathname === '/') return 'it has no path';
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(url.pathname)) return 'its path has dot segments';
  return undefined;
}

/** https; plain http on this very machine only, and there the operator must have opened it too. */
export function isFetchable(url: URL): boolean {
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_HOSTS.has(url.hostname))
  );
}
