import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AskingUpstream {
  readonly url: string;
  /** How often each canary was acted on, after its question was answered. */
  readonly acted: Map<string, number>;
  close(): Promise<void>;
}

interface Rpc {
  id?: string | number;
  method?: string;
  params?: { name?: string; arguments?: { canary?: string } };
  result?: { action?: string; content?: { word?: string } };
}

/**
 * A server of 2025-11-25 without sessions. Its tool `ask` asks the person for a word, naming the
 * canary of the call, and answers `<canary>:<word>`.
 */
export async function startAskingUpstream(): Promise<AskingUpstream> {
  const acted = new Map<string, number>();
  const waiting = new Map<string, (word: string) => void>();
  let asked = 0;

  const answer = (response: ServerResponse, id: unknown, result: unknown) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, result }));

  async function ask(response: ServerResponse, id: unknown, canary: string): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (message: object) =>
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    const askId = `ask-${++asked}`;
    const word = new Promise<string>((resolve) => waiting.set(askId, resolve));
    const properties = { word: { type: 'string' } };
    const params = { message: canary, requestedSchema: { type: 'object', properties } };
    send({ id: askId, method: 'elicitation/create', params });
    const text = `${canary}:${await word}`;
    acted.set(canary, (acted.get(canary) ?? 0) + 1);
    send({ id, result: { content: [{ type: 'text', text }] } });
    response.end();
  }

  const server = createServer(async (incoming, response) => {
    if (incoming.method !== 'POST') return void response.writeHead(405).end();
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    const { id, method, params, result } = JSON.parse(body) as Rpc;
    if (method === undefined) {
      const { action, content } = result ?? {};
      waiting.get(String(id))?.(action === 'accept' ? String(content?.word) : String(action));
      waiting.delete(String(id));
    }
    if (id === undefined || method === undefined) return void response.writeHead(202).end();
    if (method === 'tools/call') return ask(response, id, String(params?.arguments?.canary));
    if (method === 'initialize')
      return void answer(response, id, {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'asking', version: '1' },
      });
    if (method === 'tools/list') {
      const inputSchema = { type: 'object', properties: { canary: { type: 'string' } } };
      const annotations = { readOnlyHint: true };
      return void answer(response, id, { tools: [{ name: 'ask', inputSchema, annotations }] });
    }
    const error = { code: -32_601, message: 'Method not found' };
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, error }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    acted,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
