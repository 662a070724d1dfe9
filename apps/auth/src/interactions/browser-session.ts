import { noteBrowserSession, type Db } from '@conducktor/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type Provider from 'oidc-provider';
import { setForwarded } from '../oidc/forwarded.js';

type Session = Awaited<ReturnType<Provider['Session']['get']>>;

const SECONDS = 14 * 24 * 3600;

export interface SignedIn {
  accountId: string;
  uid: string;
  /** Seconds since 1970. */
  signedInAt: number;
  /** How, in the words of RFC 8176: `pwd`, `otp`, `hwk`, … */
  amr: string[];
}

export interface BrowserSessions {
  /** Who is signed in in this browser, if anyone. */
  read(request: FastifyRequest, reply: FastifyReply): Promise<SignedIn | undefined>;
  /** Signs a person in, under a new session id, outside any authorization. */
  begin(
    request: FastifyRequest,
    reply: FastifyReply,
    accountId: string,
    amr: readonly string[],
  ): Promise<void>;
  end(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/** The same sessions that oidc-provider keeps, for pages that it does not serve. */
export function createBrowserSessions(deps: {
  db: Db;
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

  const note = (request: FastifyRequest, userId: string, uid: string) =>
    noteBrowserSession(deps.db, {
      uid,
      userId,
      userAgent: request.headers['user-agent'] ?? '',
      ip: request.ip,
    });

  return {
    async read(request, reply) {
      const { session } = await open(request, reply);
      const { accountId, uid } = session;
      if (!accountId) return undefined;
      await note(request, accountId, uid);
      return {
        accountId,
        uid,
        signedInAt: session.authTime() ?? 0,
        amr: (session as { amr?: string[] }).amr ?? [],
      };
    },
    async begin(request, reply, accountId, amr) {
      const { ctx, session: found } = await open(request, reply);
      if (found.accountId) await found.destroy();
      const session: Session = new provider.Session();
      session.loginAccount({ accountId, amr: [...amr] } as never);
      await session.save(SECONDS);
      await note(request, accountId, session.uid);
      write(reply, ctx, session.jti);
    },
    async end(request, reply) {
      const { ctx, session } = await open(request, reply);
      if (session.accountId) await session.destroy();
      write(reply, ctx, null);
    },
  };
}
