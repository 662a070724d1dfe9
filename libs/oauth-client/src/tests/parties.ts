import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  query: URLSearchParams;
  body: string;
}

/** Somebody on a port of their own, with everything that reached them as raw text. */
export interface Party {
  origin: string;
  seen: string[];
  /** Requests for a path, as their bodies. */
  bodies(path: string): string[];
  close(): Promise<void>;
}

export async function startParty(handle: (exchange: Exchange) => void): Promise<Party> {
  const seen: string[] = [];
  const bodies: [string, string][] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { pathname: path, searchParams: query } = new URL(request.url!, 'http://party');
      seen.push([request.method, request.url, ...request.rawHeaders, body].join('\n'));
      bodies.push([path, body]);
      handle({ request, response, path, query, body });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    bodies: (path) => bodies.filter(([at]) => at === path).map(([, body]) => body),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

export interface AuthorizationServer extends Party {
  /** What its metadata says beside or instead of the usual. */
  metadata: Record<string, unknown>;
  /** Answers a path before anything else does. */
  override: Map<string, (exchange: Exchange) => void>;
  /** What its answers at the redirect say beside code, state and iss. */
  answer: Record<string, string | undefined>;
  /** What it gives for a code, for the scope asked for unless it says another. */
  scope: string | undefined;
  /** Refresh tokens that are good. */
  refreshTokens: Set<string>;
}

/** An authorization server that checks PKCE, client secrets of its own and single use; tokens name it. */
export async function startAuthorizationServer(name: string): Promise<AuthorizationServer> {
  const codes = new Map<string, { challenge: string; scope: string; client: string }>();
  const clients = new Map<string, string>();
  const issue = (response: ServerResponse, scope: string) => {
    const refresh = `${name}-refresh-${random()}`;
    as.refreshTokens.add(refresh);
    json(response, 200, {
      access_token: `${name}-access-${random()}`,
      token_type: 'Bearer',
      refresh_token: refresh,
      scope: as.scope ?? scope,
    });
  };
  const party = await startParty((exchange) => {
    const { response, path, query, body } = exchange;
    const own = as.override.get(path);
    if (own) return own(exchange);
    if (path === '/.well-known/oauth-authorization-server')
      return json(response, 200, { ...usualMetadata(as.origin), ...as.metadata });
    if (path === '/register') {
      const [id, secret] = [`${name}-client-${random()}`, `${name}-secret-${random()}`];
      clients.set(id, secret);
      return json(response, 201, { ...JSON.parse(body), client_id: id, client_secret: secret });
    }
    if (path === '/authorize') {
      const code = `${name}-code-${random()}`;
      codes.set(code, {
        challenge: query.get('code_challenge')!,
        scope: query.get('scope') ?? '',
        client: query.get('client_id')!,
      });
      const to = new URL(query.get('redirect_uri')!);
      const fields = { code, state: query.get('state')!, iss: as.origin, ...as.answer };
      for (const [field, value] of Object.entries(fields))
        if (value !== undefined) to.searchParams.set(field, value);
      return void response.writeHead(302, { location: to.href }).end();
    }
    const form = new URLSearchParams(body);
    if (path === '/token' && form.get('grant_type') === 'refresh_token') {
      if (!as.refreshTokens.delete(form.get('refresh_token')!))
        return json(response, 400, { error: 'invalid_grant' });
      return issue(response, as.scope ?? '');
    }
    if (path === '/token') {
      const code = codes.get(form.get('code')!);
      codes.delete(form.get('code')!);
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '');
      if (code?.challenge !== challenge.digest('base64url'))
        return json(response, 400, { error: 'invalid_grant' });
      return issue(response, code.scope);
    }
    response.writeHead(404).end();
  });
  const as: AuthorizationServer = Object.assign(party, {
    metadata: {},
    override: new Map(),
    answer: {},
    scope: undefined,
    refreshTokens: new Set<string>(),
  });
  return as;
}

const usualMetadata = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'none'],
  authorization_response_iss_parameter_supported: true,
});

export interface Resource extends Party {
  /** What its metadata says; authorization_servers is who signs people in. */
  metadata: Record<string, unknown>;
  override: Map<string, (exchange: Exchange) => void>;
  /** Whether a token is good for `/mcp`; 403 names the scopes that it lacks. */
  takes: (token: string) => true | 401 | { lacks: string };
}

/** An MCP server as far as signing in goes: /mcp answers 200 to a token that it takes. */
export async function startResource(issuer: string): Promise<Resource> {
  const party = await startParty((exchange) => {
    const { request, response, path } = exchange;
    const own = resource.override.get(path);
    if (own) return own(exchange);
    const document = `${resource.origin}/.well-known/oauth-protected-resource/mcp`;
    if (path === new URL(document).pathname) return json(response, 200, resource.metadata);
    if (path !== '/mcp') return void response.writeHead(404).end();
    const verdict = resource.takes(request.headers.authorization?.slice(7) ?? '');
    if (verdict === true) return json(response, 200, { fine: true });
    const [status, error] =
      verdict === 401 ? [401, ''] : [403, `error="insufficient_scope", scope="${verdict.lacks}", `];
    response.writeHead(status, {
      'www-authenticate': `Bearer ${error}resource_metadata="${document}"`,
    });
    response.end();
  });
  const resource: Resource = Object.assign(party, {
    metadata: { resource: `${party.origin}/mcp`, authorization_servers: [issuer] },
    override: new Map(),
    takes: (token: string) => (token.includes('-access-') ? (true as const) : (401 as const)),
  });
  return resource;
}

/** A browser whose person allows everything; it ends at the redirect to the client. */
export async function straightThrough(url: URL): Promise<URLSearchParams> {
  const response = await fetch(url, { redirect: 'manual' });
  return new URL(response.headers.get('location')!).searchParams;
}

const random = () => randomBytes(9).toString('hex');
