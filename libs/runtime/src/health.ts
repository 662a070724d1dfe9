import { createServer, type Server } from 'node:http';

export type Readiness = () => Promise<string | undefined> | string | undefined;

/**
 * A small health listener for services that serve nothing else over HTTP: `GET /healthz` and
 * `/readyz`. `readiness` returns a sentence saying why not, or undefined when ready.
 */
export function startHealthServer(options: {
  host: string;
  port: number;
  readiness: Readiness;
}): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (path === '/healthz' || path === '/health') return answer(200, { status: 'ok' });
    if (path !== '/readyz') return answer(404, { status: 'not found' });
    Promise.resolve()
      .then(options.readiness)
      .then((why) =>
        why ? answer(503, { status: 'not ready', reason: why }) : answer(200, { status: 'ready' }),
      )
      .catch(() => answer(503, { status: 'not ready', reason: 'The readiness check failed.' }));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve(server));
  });
}
