// The upstream of every measurement: the least an MCP server can do in Node. It answers
// `initialize`, `tools/list` and `tools/call`, and keeps no state. `/mcp` has one tool, `echo`; with
// `?tools=25` there are 24 more, of a size as they have in the wild.
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

function toolsOf(url) {
  const count = Number(new URL(url, 'http://localhost').searchParams.get('tools') ?? 1);
  return [TOOL, ...Array.from({ length: count - 1 }, (_, i) => furtherTool(i))];
}

function furtherTool(i) {
  const field = (description) => ({ type: 'string', description, maxLength: 200 });
  return {
    name: `records_of_kind_${i}`,
    description: `Finds the records of kind ${i} that fit what is asked, newest first, with their owners and amounts.`,
    inputSchema: {
      type: 'object',
      properties: {
        query: field('Words that the record has in its title or text.'),
        owner: field('The address of the person whom the record belongs to.'),
        since: { ...field('Only records changed since this day.'), format: 'date' },
        limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
      },
      required: ['query'],
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  };
}

function answer(request, url) {
  switch (request.method) {
    case 'tools/call':
      return {
        resultType: 'complete',
        content: [{ type: 'text', text: request.params.arguments.message }],
      };
    case 'tools/list':
      return { resultType: 'complete', tools: toolsOf(url), ttlMs: 0, cacheScope: 'private' };
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
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: request.id,
      result: answer(request, incoming.url),
    });
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
