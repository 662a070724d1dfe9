import type { IncomingMessage } from 'node:http';

/**
 * Says to oidc-provider where it stands: always at PUBLIC_URL, whatever a request claims. `ip` is the
 * caller's as Fastify found it, which believes forwarding headers from trusted neighbours only.
 */
export function setForwarded(
  request: IncomingMessage,
  origin: { publicUrl: string; ip: string },
): void {
  const { protocol, host } = new URL(origin.publicUrl);
  delete request.headers['forwarded'];
  request.headers['host'] = host;
  request.headers['x-forwarded-host'] = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  request.headers['x-forwarded-for'] = origin.ip;
}
