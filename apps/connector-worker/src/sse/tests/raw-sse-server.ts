import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Incoming } from '../../tests/support.js';

export interface RawSseServer {
  url: string;
  origin: string;
  /** POSTs in order. */
  seen: Incoming[];
  /** GETs so far. */
  readonly streams: number;
  /** To the stream that was opened last. */
  send(data: unknown, event?: string): void;
  write(text: string): void;
  drop(): void;
  close(): Promise<void>;
}

export interface RawSseOptions {
  /** Instead of the endpoint event. */
  onStream?: (response: ServerResponse, server: RawSseServer) => void;
  /** Instead of 202. */
  onPost?: (incoming: Incoming, response: ServerResponse, server: RawSseServer) => void;
}

/** Shakes hands as a server of 2024-11-05 does; leaves the rest to `call`. */
export function shakingHands(
  call: (incoming: Incoming, server: RawSseServer, response: ServerResponse) => void,
): NonNullable<RawSseOptions['onPost']> {
  return (incoming, response, server) => {
    const { id, method } = incoming.message;
    if (method === 'initialize') {
      const result = {
        protocolVersion: '2024-11-05',
        capabilities: { tools: {} },
        serverInfo: { name: 'raw', version: '1' },
      };
      server.send({ jsonrpc: '2.0', id, result });
    }
    if (method !== 'tools/call') return void response.writeHead(202).end();
    call(incoming, server, response);
    if (!response.headersSent && !response.destroyed) response.writeHead(202).end();
  };
}

/** An HTTP with SSE server that says what the test says. */
export async function startRawSseServer(options: RawSseOptions): Promise<RawSseServer> {
  const seen: Incoming[] = [];
  let last: ServerResponse | undefined;
  let streams = 0;
  const http = createServer((request, response) => {
    if (request.method === 'GET') {
      streams++;
      last = response;
      if (options.onStream) return options.onStream(response, server);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return server.send('/post?session=1', 'endpoint');
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const message = JSON.parse(body) as Incoming['message'];
      const incoming = { method: request.url ?? '', headers: request.headers, body, message };
      seen.push(incoming);
      if (options.onPost) options.onPost(incoming, response, server);
      else response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: RawSseServer = {
    url: `${origin}/sse`,
    origin,
    seen,
    get streams() {
      return streams;
    },
    send: (data, event = 'message') =>
      server.write(
        `event: ${event}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`,
      ),
    write: (text) => void last?.write(text),
    drop: () => last?.destroy(),
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
