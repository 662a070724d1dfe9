/** One HTTP exchange as the table shows it. */
export interface Exchange {
  what: string;
  /** Why a client does it. */
  means: string;
  status: string;
  ms: number;
}

/** `fetch` that notes method, path, status and time of every exchange. */
export function recordedFetch(exchanges: Exchange[]): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const started = performance.now();
    const response = await fetch(input, init);
    exchanges.push({
      what: `${init?.method ?? 'GET'} ${url.pathname}`,
      means: meaningOf(url.pathname, response.status),
      status: String(response.status),
      ms: performance.now() - started,
    });
    return response;
  };
}

function meaningOf(path: string, status: number): string {
  if (path.startsWith('/.well-known/oauth-protected-resource')) return 'who lets people in here?';
  if (path.startsWith('/.well-known/')) return 'where are its endpoints?';
  if (path === '/oauth2/register') return 'the client registers itself (RFC 7591)';
  if (path === '/oauth2/token') return 'the code for a token bound to this resource (RFC 8707)';
  return status === 401 ? 'no token: says where to get one' : 'with the token: what can you do?';
}
