import type { FastifyReply, FastifyRequest } from 'fastify';
import { parse } from '../oidc/cookie-header.js';
import type { PageDeps } from './request.js';

// Paths of pages for people. No query, no host, no dots: nothing that leads anywhere else.
const OURS = /^\/(?:account|approvals|connections)(?:\/[A-Za-z0-9_-]{1,64}){0,3}$/;
const SECONDS = 10 * 60;

type Deps = Pick<PageDeps, 'cookies' | 'publicUrl'>;

/**
 * The page of ours that sent this person to sign in, out of `?return=`; undefined for anything else,
 * so that nobody is led away from here by a link.
 */
export function returnPathOf(request: FastifyRequest): string | undefined {
  const wanted = (request.query as Record<string, unknown>)['return'];
  return typeof wanted === 'string' && OURS.test(wanted) ? wanted : undefined;
}

/** Remembers it in this browser until the sign-in is done, by whatever steps, ten minutes at most. */
export function keepReturnPath(deps: Deps, reply: FastifyReply, path: string): void {
  reply.header('set-cookie', cookie(deps, path, SECONDS));
}

/** What was remembered, once. */
export function takeReturnPath(
  deps: Deps,
  request: FastifyRequest,
  reply: FastifyReply,
): string | undefined {
  const kept = parse(request.headers.cookie).find(([name]) => name === nameOf(deps))?.[1];
  if (kept === undefined) return undefined;
  reply.header('set-cookie', cookie(deps, '', 0));
  const path = kept.replaceAll('.', '/');
  return OURS.test(path) ? path : undefined;
}

const nameOf = ({ cookies }: Deps) => `${cookies.browser}_return`;

function cookie(deps: Deps, path: string, seconds: number): string {
  const secure = deps.publicUrl.startsWith('https:') ? '; Secure' : '';
  // A slash is no character of every cookie parser's values; none of these paths has a dot.
  const value = path.replaceAll('/', '.');
  return `${nameOf(deps)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}
