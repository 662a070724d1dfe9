import {
  authorizedFetch,
  createOAuthClient,
  MemoryCredentials,
  signIn,
  type OAuthClient,
  type OAuthClientOptions,
  type Person,
} from '@conducktor/oauth-client';
import type { RawAnswer } from '@conducktor/testing';

/** One request of a client, as it was on the wire. */
export interface Visit {
  method: string;
  path: string;
  form: URLSearchParams;
  status: number;
  ms: number;
}

export interface HostedClientOptions extends Pick<
  OAuthClientOptions,
  'redirectUrl' | 'metadataUrl' | 'preRegistered' | 'signFor'
> {
  name: string;
  /** As typed by the person into the client. */
  mcp: string;
  person: Person;
  /** Asked for where the server names none. */
  scope?: string;
}

/** A client as a product runs one: it signs a person in by itself, and every request is written down. */
export interface HostedClient {
  oauth: OAuthClient;
  visits: Visit[];
  /** Where the person was sent. */
  authorizations: URL[];
  /** For any request to the MCP address: signs in, renews and steps up by itself. */
  fetch: typeof globalThis.fetch;
  /** Of the last access token. */
  claims(): Promise<Record<string, unknown>>;
  /** One request of 2026-07-28; with `withToken: false` as the very first, before there is a token. */
  send(method: string, params?: object, options?: { withToken?: boolean }): Promise<Answer>;
  /** Leads the person through an address of the authorization server; what comes back at the redirect. */
  walk(url: URL): Promise<URLSearchParams>;
  /** Sends the person to the authorization page for exactly these scopes. */
  authorize(scope?: string): Promise<void>;
}

export interface Answer {
  status: number;
  headers: Headers;
  message: NonNullable<RawAnswer['message']>;
}

export function openClient(options: HostedClientOptions): HostedClient {
  const { mcp, person, name, redirectUrl, scope } = options;
  const visits: Visit[] = [];
  const authorizations: URL[] = [];
  const browser = async (url: URL) => {
    authorizations.push(url);
    const answer = await signIn(url, person);
    if (!answer.has('code')) throw new Error(`No code came back: ${answer.toString()}`);
    return answer;
  };
  const recorded = async (url: string | URL, init?: RequestInit) => {
    const began = performance.now();
    const response = await fetch(url, init);
    visits.push({
      method: init?.method ?? 'GET',
      path: new URL(url).pathname,
      form: new URLSearchParams(init?.body instanceof URLSearchParams ? init.body : ''),
      status: response.status,
      ms: performance.now() - began,
    });
    return response;
  };
  const oauth = createOAuthClient({
    ...options,
    server: new URL(mcp),
    metadata: {
      client_name: name,
      redirect_uris: [redirectUrl],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...(scope !== undefined && { scope }),
    },
    store: new MemoryCredentials(),
    fetch: recorded,
  });
  const authorized = authorizedFetch(oauth, browser);
  return {
    oauth,
    visits,
    authorizations,
    fetch: authorized as typeof globalThis.fetch,
    claims: async () => {
      const [, payload = ''] = (await oauth.tokens())!.access_token.split('.');
      return JSON.parse(Buffer.from(payload, 'base64url').toString());
    },
    send: async (method, params = {}, { withToken = true } = {}) => {
      const response = await (withToken ? authorized : recorded)(
        mcp,
        requestOf(name, method, params),
      );
      const text = await response.text();
      const line = text.split('\n').findLast((each) => each.startsWith('data:') && each.length > 6);
      const message = JSON.parse(line?.slice(5) ?? (text || 'null'));
      return { status: response.status, headers: response.headers, message };
    },
    walk: browser,
    authorize: async (wanted) => {
      const { url, pending } = await oauth.begin({ scope: wanted });
      await oauth.finish(pending, await browser(url));
    },
  };
}

function requestOf(client: string, method: string, params: object): RequestInit {
  const version = '2026-07-28';
  const { name } = params as { name?: string };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: client, version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': method,
      ...(name !== undefined && { 'mcp-name': name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  };
}
