import { createServer, type Server } from 'node:http';

/** Something without which a service cannot serve now. Machines read the name, people the sentence; no secrets. */
export interface Missing {
  dependency:
    | 'postgres'
    | 'migrations'
    | 'journal'
    | 'snapshots'
    | 'connector-worker'
    | 'sealer'
    | 'ledger'
    | 'process';
  reason: string;
}

/** What is missing now; nothing: ready. */
export type Readiness = () => Promise<readonly Missing[]> | readonly Missing[];

/** The process was asked to end: new requests are to go elsewhere, those under way are answered. */
export const STOPPING: readonly Missing[] = [
  { dependency: 'process', reason: 'This process is stopping.' },
];

export interface ReadinessAnswer {
  status: 200 | 503;
  body: { status: 'ready' } | { status: 'not ready'; reason: string; missing: readonly Missing[] };
}

/** The answer of `GET /readyz`. */
export async function readinessAnswer(readiness: Readiness): Promise<ReadinessAnswer> {
  let missing: readonly Missing[];
  try {
    missing = await readiness();
  } catch {
    missing = [{ dependency: 'process', reason: 'The readiness check failed.' }];
  }
  if (missing.length === 0) return { status: 200, body: { status: 'ready' } };
  const reason = missing.map((one) => one.reason).join(' ');
  return { status: 503, body: { status: 'not ready', reason, missing } };
}

/**
 * A small health listener for services that serve nothing else over HTTP, or nothing yet: `GET /healthz`
 * and `/readyz`. Whatever else is asked for is not there yet, and is asked for again a moment later.
 */
export function startHealthServer(options: {
  host: string;
  port: number;
  readiness: Readiness;
  /** The service's own paths come later on this port. */
  starting?: boolean;
}): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    if (path === '/healthz' || path === '/health') return answer(200, { status: 'ok' });
    if (path === '/readyz')
      return void readinessAnswer(options.readiness).then(({ status, body }) =>
        answer(status, body),
      );
    if (options.starting)
      return answer(503, { error: 'starting' }, { 'retry-after': '1', connection: 'close' });
    answer(404, { status: 'not found' });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve(server));
  });
}
