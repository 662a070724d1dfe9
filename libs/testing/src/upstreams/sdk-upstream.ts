import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

export interface SdkUpstream {
  readonly url: string;
  /** Messages that the tool `greet` was called with. */
  readonly greeted: string[];
  close(): Promise<void>;
}

/** A server made with the official SDK (v2), strict about the modern era unless `legacy` is given. */
export async function startSdkUpstream(
  options: { port?: number; legacy?: 'stateless' | 'reject' } = {},
): Promise<SdkUpstream> {
  const greeted: string[] = [];
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'sdk-upstream', version: '1.0.0' });
      server.registerTool(
        'greet',
        {
          description: 'Greets a person.',
          inputSchema: fromJsonSchema<{ name: string }>({
            type: 'object',
            properties: { name: { type: 'string' } },
            required: ['name'],
          }),
          annotations: { readOnlyHint: true },
        },
        async ({ name }) => {
          greeted.push(name);
          return { content: [{ type: 'text', text: `Hello, ${name}` }] };
        },
      );
      return server;
    },
    { legacy: options.legacy ?? 'reject' },
  );
  const http = createServer(toNodeHandler(handler));
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    greeted,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
