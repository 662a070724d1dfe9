import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  at: number;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server that answers as receivers do: as told for a path, one answer after the other, then the last. */
export interface Receiver {
  origin: string;
  received: Received[];
  of(path: string): Received[];
  script(path: string, ...answers: Answer[]): void;
  close(): Promise<void>;
}

/** What Slack's documentation of incoming webhooks says: 200 `ok`, and its words for what is wrong. */
export const slack = {
  ok: ((response) => response.end('ok')) as Answer,
  rateLimited:
    (seconds: number): Answer =>
    (response) =>
      response.writeHead(429, { 'retry-after': String(seconds) }).end('rate_limited'),
  invalidPayload: ((response) => response.writeHead(400).end('invalid_payload')) as Answer,
  noService: ((response) => response.writeHead(404).end('no_service')) as Answer,
};

export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end('<html>something of theirs</html>');
export const reset: Answer = (_response, request) => request.socket.resetAndDestroy();
export const silence: Answer = () => {};

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const scripts = new Map<string, Answer[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url!;
      const body = Buffer.concat(chunks).toString('utf8');
      const headers = request.headers as Record<string, string>;
      received.push({ path, headers, body, at: Date.now() });
      const script = scripts.get(path) ?? [status(200)];
      (script.length > 1 ? script.shift()! : script[0]!)(response, request);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    of: (path) => received.filter((each) => each.path === path),
    script: (path, ...answers) => void scripts.set(path, answers),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
