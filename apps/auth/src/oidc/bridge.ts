import { IncomingMessage } from 'node:http';
import { takeAttempt, type Db } from '@conducktor/db';
import { normaliseScopes } from '@conducktor/identity';
import type { Logger } from '@conducktor/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addressKey, REGISTRATIONS } from '../accounts/limits.js';
import { answerHeaders } from '../pages/headers.js';
import { renameForProvider, type CookieNames } from './cookies.js';
import { setForwarded } from './forwarded.js';
import type { LiveProvider } from './live-provider.js';
import { looksStructured, type StructuredTokens } from './structured-tokens.js';
import { requestedScope } from './scopes.js';

export interface BridgeDeps {
  db: Db;
  provider: Pick<LiveProvider, 'answer'>;
  cookies: CookieNames;
  structuredTokens: StructuredTokens;
  publicUrl: string;
  logger: Logger;
}

const FORM_LIMIT = 64 * 1024;

const JWKS = '/.well-known/jwks.json';
// Keys are published a day before they sign; one that is taken out of use in an emergency is soon forgotten.
const JWKS_CACHE = 'public, max-age=300';

/** Paths that the seeds describe → where oidc-provider serves them. */
const ALIASES: Record<string, string> = {
  '/auth/authorize': '/oauth2/authorize',
  '/auth/token': '/oauth2/token',
  '/api/mcp/auth/authorize': '/oauth2/authorize',
  '/api/mcp/auth/token': '/oauth2/token',
};

/**
 * Serves oidc-provider on Fastify. Between the two, requests are put into the library's terms: short
 * scope names, alias paths, our cookie names, and JWTs where it expects opaque tokens.
 */
export function mountProvider(fastify: FastifyInstance, deps: BridgeDeps): void {
  const forward = (request: FastifyRequest, reply: FastifyReply, raw: IncomingMessage) => {
    for (const [name, value] of Object.entries(answerHeaders(deps.publicUrl))) {
      reply.raw.setHeader(name, value);
    }
    setForwarded(raw, { publicUrl: deps.publicUrl, ip: request.ip });
    reply.hijack();
    return deps.provider.answer(raw, reply.raw);
  };
  const pass = (request: FastifyRequest, reply: FastifyReply) => {
    request.raw.url = ALIASES[pathOf(request.raw.url!)] ?? request.raw.url!;
    return forward(request, reply, request.raw);
  };

  void fastify.register(async (scope) => {
    // Bodies stay on the wire: oidc-provider reads them itself.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    // Before oidc-provider has the request; afterwards it answers for itself.
    scope.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      const status = error.statusCode ?? 500;
      if (status >= 500)
        deps.logger.error({ err: error }, 'An OAuth request failed inside this service');
      return reply
        .code(status)
        .headers({
          ...answerHeaders(deps.publicUrl),
          'cache-control': 'no-store',
          connection: 'close',
        })
        .send(
          status < 500
            ? { error: 'invalid_request', error_description: error.message }
            : { error: 'server_error', error_description: 'try again in a moment' },
        );
    });

    for (const path of ['/oauth2/authorize', '/auth/authorize', '/api/mcp/auth/authorize']) {
      scope.get(path, (request, reply) => {
        const url = new URL(request.raw.url!, deps.publicUrl);
        tidyAuthorization(url.searchParams);
        request.raw.url = `/oauth2/authorize${url.search}`;
        return forward(request, reply, request.raw);
      });
    }
    scope.get<{ Params: { uid: string } }>('/oauth2/authorize/:uid', (request, reply) => {
      const { headers } = request.raw;
      headers.cookie = renameForProvider(deps.cookies, headers.cookie, request.params.uid);
      return pass(request, reply);
    });

    for (const path of ['/oauth2/token', '/auth/token', '/api/mcp/auth/token']) {
      scope.options(path, pass);
      scope.post(path, async (request, reply) => {
        const form = await readForm(request, (name, value) =>
          name === 'scope' ? normaliseScopes(value).join(' ') : value,
        );
        form.url = '/oauth2/token';
        return forward(request, reply, form);
      });
    }

    for (const path of ['/oauth2/revoke', '/oauth2/introspect']) {
      scope.options(path, pass);
      scope.post(path, async (request, reply) => {
        const lent: string[] = [];
        const form = await readForm(request, async (name, value) => {
          if (name !== 'token' || !looksStructured(value)) return value;
          const handle = await deps.structuredTokens.lend(value, 'inspection');
          lent.push(handle);
          return handle;
        });
        try {
          await forward(request, reply, form);
        } finally {
          lent.forEach((handle) => deps.structuredTokens.giveBack(handle));
        }
      });
    }

    scope.options('/oauth2/userinfo', pass);
    scope.route({
      method: ['GET', 'POST'],
      url: '/oauth2/userinfo',
      handler: async (request, reply) => {
        const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
        if (!token || !looksStructured(token)) return pass(request, reply);
        const handle = await deps.structuredTokens.lend(token, 'userinfo');
        try {
          request.raw.headers.authorization = `Bearer ${handle}`;
          await pass(request, reply);
        } finally {
          deps.structuredTokens.giveBack(handle);
        }
      },
    });

    // Registering takes no cookie and no secret, so any origin may.
    scope.options('/oauth2/register', (_request, reply) =>
      reply
        .header('access-control-allow-origin', '*')
        .header('access-control-allow-methods', 'POST')
        .header('access-control-allow-headers', 'content-type, authorization, mcp-protocol-version')
        .header('access-control-max-age', '3600')
        .code(204)
        .send(),
    );
    scope.post('/oauth2/register', async (request, reply) => {
      const wait = await takeAttempt(deps.db, addressKey('register', request.ip), REGISTRATIONS);
      if (wait > 0) {
        const seconds = Math.ceil(wait / 1000);
        return reply
          .code(429)
          .header('retry-after', String(seconds))
          .send({
            error: 'temporarily_unavailable',
            error_description: `too many registrations from this address; try again in ${seconds} s`,
          });
      }
      reply.raw.setHeader('access-control-allow-origin', '*');
      return pass(request, reply);
    });

    scope.get('/oauth2/logout', pass);
    scope.get('/oauth2/logout/success', pass);
    scope.post('/oauth2/logout/confirm', pass);
    // Clients try these with the resource's or the issuer's path behind them; one answer fits all.
    for (const document of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      JWKS,
    ]) {
      for (const path of [document, `${document}/*`]) {
        const handler = (request: FastifyRequest, reply: FastifyReply) => {
          request.raw.url = document;
          if (document === JWKS) reply.raw.setHeader('cache-control', JWKS_CACHE);
          return forward(request, reply, request.raw);
        };
        scope.get(path, handler);
        scope.options(path, handler);
      }
    }
  });
}

function tidyAuthorization(params: URLSearchParams): void {
  // Sent twice is refused by the library; let it see both.
  if (params.getAll('scope').length > 1) return;
  const scope = requestedScope(params.get('scope') ?? undefined);
  params.set('scope', scope);
  // OpenID Connect drops `offline_access` unless consent is asked for. Here it always is; said aloud,
  // the scope stays and the consent page can name it.
  const prompts = (params.get('prompt') ?? '').split(' ').filter(Boolean);
  if (scope.split(' ').includes('offline_access') && !prompts.includes('none')) {
    params.set('prompt', [...new Set([...prompts, 'consent'])].join(' '));
  }
}

/**
 * The request again, with a form body whose values went through `rewrite`. Order and repetition are
 * kept: it is oidc-provider that refuses parameters sent twice.
 */
async function readForm(
  request: FastifyRequest,
  rewrite: (name: string, value: string) => string | Promise<string>,
): Promise<IncomingMessage> {
  const { raw } = request;
  if (!/^application\/x-www-form-urlencoded\b/i.test(raw.headers['content-type'] ?? '')) return raw;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > FORM_LIMIT) throw tooLarge();
    chunks.push(chunk);
  }
  const given = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  const rewritten = new URLSearchParams();
  for (const [name, value] of given) rewritten.append(name, await rewrite(name, value));
  return sameRequest(raw, Buffer.from(rewritten.toString()));
}

function sameRequest(raw: IncomingMessage, body: Buffer): IncomingMessage {
  const again = new IncomingMessage(raw.socket);
  again.method = raw.method!;
  again.url = raw.url!;
  again.httpVersion = raw.httpVersion;
  again.headers = { ...raw.headers, 'content-length': String(body.length) };
  delete again.headers['transfer-encoding'];
  again.push(body);
  again.push(null);
  // It did arrive whole; otherwise reading it to its end would close the socket.
  again.complete = true;
  return again;
}

const tooLarge = () => Object.assign(new Error('the request is too large'), { statusCode: 413 });

const pathOf = (url: string) => url.split('?', 1)[0]!;
