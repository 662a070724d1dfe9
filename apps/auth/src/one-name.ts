import type { FastifyInstance } from 'fastify';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const PAGES = new Set([
  '/login',
  '/login/second-factor',
  '/account/security',
  '/signup',
  '/consent',
  '/invite',
  '/verify',
  '/login/forgot',
  '/login/reset',
  '/account',
  '/account/apps',
  '/account/workspaces',
  '/oauth2/authorize',
  '/oauth2/logout',
]);

/**
 * Someone who opened `127.0.0.1` where PUBLIC_URL says `localhost` is led to the one address: cookies
 * and forms belong to it. Only between names of this machine, so that no proxy can make it a circle.
 */
export function moveToPublicName(fastify: FastifyInstance, publicUrl: string): void {
  const own = new URL(publicUrl);
  if (!LOOPBACK_NAMES.includes(own.hostname)) return;
  fastify.addHook('onRequest', async (request, reply) => {
    const path = request.raw.url!.split('?', 1)[0]!;
    if (request.method !== 'GET' || !PAGES.has(path) || request.host === own.host) return;
    const asked = URL.parse(`${own.protocol}//${request.host}`);
    if (!asked || asked.port !== own.port || !LOOPBACK_NAMES.includes(asked.hostname)) return;
    return reply.redirect(own.origin + request.raw.url, 307);
  });
}
