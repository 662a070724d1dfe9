/** One HTTP exchange as the table shows it. */
export interface Exchange {
  what: string;
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
      status: String(response.status),
      ms: performance.now() - started,
    });
    return response;
  };
}
