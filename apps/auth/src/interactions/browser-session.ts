import type { FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { setForwarded } from '../oidc/forwarded.js';

type Session = Awaited<ReturnType<Provider['Session']['get']>>;

const SECONDS = 14 * 24 * 3600;

export interface BrowserSessions {
  /** Who is signed in in this browser, if anyone. */
  read(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ accountId: string; uid: string } | undefined>;
  /** Signs a person in, under a new session id, outside any authorization. */
  begin(request: FastifyRequest, reply: FastifyReply, accountId: string): Promise<void>;
  end(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/** The same sessions that oidc-provider keeps, for pages that it does not serve. */
export function createBrowserSessions(deps: {
  provider: Provider;
  sessionCookie: string;
  publicUrl: string;
}): BrowserSessions {
  const { provider, sessionCookie, publicUrl } = deps;
  const options = {
    httpOnly: true,
    sameSite: 'lax',
    secure: publicUrl.startsWith('https:'),
    signed: true,
    path: '/',
  } as const;

  const open = async (request: FastifyRequest, reply: FastifyReply) => {
    setForwarded(request.raw, { publicUrl, ip: request.ip });
    const ctx = provider.createContext(request.raw, reply.raw);
    return { ctx, session: await provider.Session.get(ctx as never) };
  };
  const write = (
    reply: FastifyReply,
    ctx: Awaited<ReturnType<typeof open>>['ctx'],
    value: string | null,
  ) => {
    ctx.cookies.set(sessionCookie, value, {
      ...options,
      ...(value === null ? {} : { maxAge: SECONDS * 1000 }),
    });
    // Fastify writes its own headers last; the cookies must be among them.
    reply.header('set-cookie', reply.raw.getHeader('set-cookie'));
    reply.raw.removeHeader('set-cookie');
  };

  return {
    async read(request, reply) {
      const { session } = await open(request, reply);
      return session.accountId ? { accountId: session.accountId, uid: session.uid } : undefined;
    },
    async begin(request, reply, accountId) {
      const { ctx, session: found } = await open(request, reply);
      if (found.accountId) await found.destroy();
      const session: Session = new provider.Session();
      session.loginAccount({ accountId, amr: ['pwd'] } as never);
      await session.save(SECONDS);
      write(reply, ctx, session.jti);
    },
    async end(request, reply) {
      const { ctx, session } = await open(request, reply);
      if (session.accountId) await session.destroy();
      write(reply, ctx, null);
    },
  };
}
