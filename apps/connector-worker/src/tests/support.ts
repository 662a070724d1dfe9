import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CallRequest, type CallResult, newId } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import {
  type CallOptions,
  createLogger,
  deriveKey,
  RpcClient,
  type RpcClientOptions,
} from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace } from '@conducktor/testing';
import {
  createVault,
  sealConnectionSecrets,
  type ConnectionSecrets,
  type Vault,
} from '@conducktor/vault';
import { openWorker, type Worker, type WorkerSettings } from '../open-worker.js';

export interface NewConnection extends ConnectionSecrets {
  slug?: string;
  kind?: 'mcp-http' | 'mcp-sse' | 'mcp-stdio';
  url?: string;
  catalog?: string;
  args?: string[];
}

export interface TestWorker {
  tenantId: string;
  dir: string;
  db: Db;
  vault: Vault;
  worker: Worker;
  client: RpcClient;
  secretKey: string;
  dial(options?: Partial<RpcClientOptions>): Promise<RpcClient>;
  /** Returns the connection's id. */
  connect(connection: NewConnection): Promise<string>;
  request(
    connectionId: string,
    name: string,
    args?: unknown,
    more?: Partial<CallRequest>,
  ): CallRequest;
  call(
    connectionId: string,
    name: string,
    args?: unknown,
    more?: Partial<CallRequest> & CallOptions,
  ): Promise<CallResult>;
  stop(): Promise<void>;
}

/** A whole worker over a database of its own, and a client as a gateway would be. */
export async function startTestWorker(
  settings: Partial<WorkerSettings> & { catalogue?: Record<string, unknown> } = {},
): Promise<TestWorker> {
  const { catalogue, ...more } = settings;
  const database = await createTestDatabase();
  const db = createDb(database.adminUrl, { max: 2 });
  const secretKey = randomBytes(32).toString('base64url');
  const vault = createVault({ kek: deriveKey(secretKey, 'kek'), db });
  const { tenantId } = await seedWorkspace(db);
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-worker-'));
  const file = join(dir, 'catalog.json');
  if (catalogue) writeFileSync(file, JSON.stringify(catalogue));
  const worker = await openWorker(
    {
      HOST: '127.0.0.1',
      RPC_PORT: 0,
      SECRET_KEY: secretKey,
      DATABASE_URL: database.urlFor('conducktor_app'),
      STDIO_CATALOG: catalogue && file,
      OUTBOUND_ALLOW: ['loopback'],
      OUTBOUND_DENY_PORTS: [],
      SHUTDOWN_SECONDS: 10,
      SERVER_TIMEOUT: 15,
      MAX_CONCURRENT_SERVERS: 10,
      CONNECTION_POOL_SIZE: 64,
      ...more,
    },
    createLogger('test', 'silent'),
  );
  const clients: RpcClient[] = [];
  const dial: TestWorker['dial'] = async (options = {}) => {
    const client = new RpcClient({
      address: `127.0.0.1:${worker.rpcPort}`,
      key: deriveKey(secretKey, 'rpc'),
      instanceId: newId('ins'),
      onLate: () => {},
      ...options,
    });
    clients.push(client);
    await client.whenReady(3_000);
    return client;
  };
  const client = await dial();
  let ordinal = 0;
  const request: TestWorker['request'] = (connectionId, name, args = {}, more = {}) => ({
    key: { epoch: 1, tick: 1, ordinal: ++ordinal },
    callId: newId('call'),
    tenantId,
    memberId: 'mem_a',
    connectionId,
    revision: 1,
    method: 'tools/call',
    name,
    argumentsJson: JSON.stringify(args),
    timeoutMs: 10_000,
    progress: false,
    ...more,
  });
  return {
    tenantId,
    dir,
    db,
    vault,
    worker,
    client,
    secretKey,
    dial,
    request,
    connect: async ({ headers, env, ...given }) => {
      const id = newId('con');
      const kind = given.kind ?? (given.catalog ? 'mcp-stdio' : 'mcp-http');
      const slug = given.slug ?? id.slice(4, 16).toLowerCase();
      await db.withTenant(tenantId, (tx) =>
        tx.query(
          'insert into connection (tenant_id, id, slug, kind, url, catalog, args) values ($1, $2, $3, $4, $5, $6, $7)',
          [
            tenantId,
            id,
            slug,
            kind,
            given.url ?? null,
            given.catalog ?? null,
            JSON.stringify(given.args ?? []),
          ],
        ),
      );
      if (headers ?? env) {
        const sealed = await sealConnectionSecrets(vault, tenantId, id, { headers, env });
        await db.withTenant(tenantId, (tx) =>
          tx.query(
            'insert into connection_secret (tenant_id, connection_id, sealed) values ($1, $2, $3)',
            [tenantId, id, sealed],
          ),
        );
      }
      return id;
    },
    call: (connectionId, name, args, { onProgress, onAsk, onNotification, signal, ...more } = {}) =>
      client.call(request(connectionId, name, args, more), {
        onProgress,
        onAsk,
        onNotification,
        signal,
      }),
    stop: async () => {
      for (const one of clients) one.close();
      await worker.stop();
      await db.end();
      await database.drop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface Incoming {
  method: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Parsed body, when it is JSON. */
  message: { id?: number; method?: string; params?: Record<string, unknown> };
}

export interface RawServer {
  url: string;
  port: number;
  seen: Incoming[];
  close(): Promise<void>;
}

/** An HTTP server that answers as the test says; it speaks only what the test makes it speak. */
export async function startRawServer(
  answer: (incoming: Incoming, response: ServerResponse) => void,
  port = 0,
): Promise<RawServer> {
  const seen: Incoming[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const message = body === '' ? {} : (JSON.parse(body) as Incoming['message']);
      const incoming = { method: request.method ?? '', headers: request.headers, body, message };
      seen.push(incoming);
      answer(incoming, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    port: address.port,
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
};

/** Answers what a legacy server without sessions must, and leaves tools/call to the test. */
export function legacy(call: (incoming: Incoming, response: ServerResponse) => void) {
  return (incoming: Incoming, response: ServerResponse): void => {
    const { id, method } = incoming.message;
    if (method === 'tools/call') return call(incoming, response);
    if (method === 'initialize') {
      return json(response, 200, {
        jsonrpc: '2.0',
        id,
        result: {
          protocolVersion: '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'raw', version: '1' },
        },
      });
    }
    if (id === undefined) return void response.writeHead(202).end();
    json(response, 400, {
      jsonrpc: '2.0',
      id,
      error: { code: -32601, message: 'Method not found' },
    });
  };
}

/** A tools/call result of one text. */
export const ok = (id: unknown, text = 'ok') => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text }] },
});

/** Begins a stream of events and returns what sends one. */
export function stream(response: ServerResponse): (message: unknown, id?: string) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  return (message, id) =>
    response.write(
      `${id ? `id: ${id}\n` : ''}data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`,
    );
}
