// The upstream of every measurement: the least an MCP server can do in Node. It answers
// `initialize`, `tools/list` and `tools/call` of one tool, `echo`, and keeps no state.
import { createServer } from 'node:http';

const port = Number(process.argv[2]);

const TOOL = {
  name: 'echo',
  description: 'Returns its message.',
  inputSchema: {
    type: 'object',
    properties: { message: { type: 'string' }, amount: { type: 'integer' } },
    required: ['message'],
  },
  annotations: { readOnlyHint: true, openWorldHint: false },
};

function answer(request) {
  switch (request.method) {
    case 'tools/call':
      return {
        resultType: 'complete',
        content: [{ type: 'text', text: request.params.arguments.message }],
      };
    case 'tools/list':
      return { resultType: 'complete', tools: [TOOL], ttlMs: 0, cacheScope: 'private' };
    case 'initialize':
      return {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'echo', version: '1' },
      };
    case 'server/discover':
      return {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo: { name: 'echo', version: '1' },
      };
    default:
      return {};
  }
}

const server = createServer((incoming, outgoing) => {
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', () => {
    if (incoming.method !== 'POST') {
      outgoing.writeHead(405).end();
      return;
    }
    const request = JSON.parse(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    if (request.id === undefined) {
      outgoing.writeHead(202).end();
      return;
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: request.id, result: answer(request) });
    outgoing.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    outgoing.end(body);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(port, '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit(0));
