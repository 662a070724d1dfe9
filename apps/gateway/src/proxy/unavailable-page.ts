/** What people and scripts see while a service behind the gateway does not answer. */
import type { FastifyReply } from 'fastify';

const RETRY_AFTER_S = 5;

const SENTENCES = {
  auth: 'Sign-in is not reachable right now. Clients that are signed in keep working. Try again in a few seconds.',
  control:
    'The dashboard and its API are not reachable right now. Tool calls are not affected. Try again in a few seconds.',
} as const;

export function unavailablePage(reply: FastifyReply, service: keyof typeof SENTENCES): void {
  const detail = SENTENCES[service];
  void reply
    .code(503)
    .header('retry-after', String(RETRY_AFTER_S))
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    .header('x-frame-options', 'DENY')
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'same-origin');
  if (reply.request.headers.accept?.includes('text/html')) {
    void reply.type('text/html; charset=utf-8').send(page(detail));
    return;
  }
  void reply.type('application/problem+json').send(
    JSON.stringify({
      type: 'about:blank',
      title: 'Service unavailable',
      status: 503,
      code: 'service_unavailable',
      detail,
    }),
  );
}

function page(sentence: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Conducktor: not reachable</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto 0;padding:0 1rem;color:#1c2530;background:#fff}</style>
</head>
<body><main><h1>One moment</h1><p>${sentence}</p></main></body>
</html>
`;
}
