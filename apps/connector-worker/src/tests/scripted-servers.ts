/** Servers that answer over both transports, but for what a test has them say. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const servers: Server[] = [];

/** Ends all that were started here. */
export function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

/** Listens, and hands each request over with its body; returns the port. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  host = '127.0.0.1',
  port = 0,
): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

/** What a server of either transport answers; `say` may answer in its place. */
export interface Script {
  say?(request: IncomingMessage, response: ServerResponse, method: string | undefined): boolean;
  endpoint?: string;
  result?: object;
  tools?: object[];
  headers?: Record<string, string>;
  keepAlive?: boolean;
}

/** Returns the port; its paths are `/mcp-http` and `/mcp-sse`. */
export async function upstream(script: Script): Promise<number> {
  let stream: ServerResponse | undefined;
  return serve((request, response, body) => {
    const message = body === '' ? {} : (JSON.parse(body) as { id?: number; method?: string });
    const headers = {
      ...script.headers,
      ...(script.keepAlive === false && { connection: 'close' }),
    };
    if (script.say?.(request, response, message.method)) return;
    const isSse = request.url!.startsWith('/mcp-sse');
    if (request.method === 'GET' && !isSse) return void response.writeHead(405, headers).end();
    if (request.method === 'GET') {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
      return void response.write(
        `event: endpoint\ndata: ${script.endpoint ?? '/mcp-sse/post'}\n\n`,
      );
    }
    if (message.id === undefined) return void response.writeHead(202, headers).end();
    const result =
      message.method === 'initialize'
        ? {
            protocolVersion: isSse ? '2024-11-05' : '2025-06-18',
            capabilities: { tools: {}, resources: {} },
            serverInfo: { name: 'raw', version: '1', ...script.result },
          }
        : message.method === 'tools/list'
          ? { tools: script.tools ?? [], ...script.result }
          : message.method === 'tools/call'
            ? { content: [{ type: 'text', text: 'fine' }], ...script.result }
            : undefined;
    const answer = result ? { result } : { error: { code: -32_601, message: 'Method not found' } };
    const text = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...answer });
    if (isSse) {
      stream?.write(`event: message\ndata: ${text}\n\n`);
      return void response.writeHead(202, headers).end();
    }
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text);
  });
}
