/** The governed story of one gateway on a database of its own; tests stand at both its ends. */
import { randomBytes } from 'node:crypto';
import { newId, type CallRequest, type CallResult } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { Timeline } from '@conducktor/telemetry';
import {
  createLogger,
  createMetrics,
  deriveKey,
  RpcServer,
  type RpcHandlers,
} from '@conducktor/runtime';
import { createTestDatabase, seedWorkspace, type SeededWorkspace } from '@conducktor/testing';
import { createVault } from '@conducktor/vault';
import type { StrangerLimit } from '../../limits/stranger-limit.js';
import type {
  McpMethod,
  McpRequestContext,
  McpRequestInput,
  ToolCallInput,
  ToolCallAnswer,
} from '../../mcp/ports.js';
import { openGoverned, type Governed } from '../../open-governed.js';

/** What stands at the other end of the worker protocol, for one connection. */
export type Upstream = (call: CallRequest) => CallResult | Promise<CallResult>;

export interface GovernedStack {
  governed: Governed;
  /** Another gateway of the same installation; ends with the stack. */
  openGateway(): Promise<Governed>;
  admin: Db;
  people: SeededWorkspace;
  /** Every call that reached the other end, in order. */
  calls: CallRequest[];
  /** Answers with its id. */
  connect(slug: string, capabilities: object, upstream: Upstream): Promise<string>;
  addTool(connectionId: string, slug: string, name: string, more?: object): Promise<void>;
  activate(policy: object): Promise<void>;
  request(
    method: McpMethod,
    params: Record<string, unknown>,
    by?: Partial<McpRequestContext> & { apiKey?: string },
    more?: Partial<McpRequestInput>,
  ): Promise<ToolCallAnswer>;
  context(by?: Partial<McpRequestContext> & { apiKey?: string }): McpRequestContext;
  call(
    name: string,
    argumentsValue: unknown,
    by?: Partial<McpRequestContext> & { apiKey?: string },
    more?: Partial<ToolCallInput>,
  ): Promise<ToolCallAnswer>;
  /** What audit keeps of the arguments of a record of `records`. */
  keptArguments(callId: string): Promise<unknown>;
  /** What is kept under the key of a person of this workspace, by its place. */
  opened(memberId: string, place: string, sealed: Buffer): Promise<string>;
  /** Records of the journal so far, in order: intents and refusals. */
  records(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** With an open policy (`default: allow`), and people whose keys may read and write. */
export async function startGovernedStack(
  options: {
    ratePerMinute?: number;
    handlers?: Partial<RpcHandlers>;
    strangers?: StrangerLimit;
    approvalHoldMs?: number;
    previewReadMs?: number;
  } = {},
): Promise<GovernedStack> {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl);
  const people = await seedWorkspace(admin);
  const { tenantId } = people;
  const secretKey = randomBytes(32).toString('base64url');
  const upstreams = new Map<string, Upstream>();
  const calls: CallRequest[] = [];
  const nothing = async () => ({ outcome: 'unavailable' as const, durationMs: 0 });
  const worker = await RpcServer.listen({
    listen: { host: '127.0.0.1', port: 0 },
    key: deriveKey(secretKey, 'rpc'),
    handlers: {
      call: async (call) => {
        calls.push(call);
        return (await upstreams.get(call.connectionId)?.(call)) ?? nothing();
      },
      resume: nothing,
      watch: async () => ({ ok: false, message: 'Nothing is watched here.' }),
      refresh: async () => ({ status: 'ERROR', tools: [], ms: 0 }),
      committed: () => {},
      ...options.handlers,
    },
  });
  const gateways: Governed[] = [];
  const openGateway = async () => {
    const gateway = await openGoverned({
      publicUrl: 'https://mcp.example.test',
      databaseUrl: database.urlFor('conducktor_gateway'),
      redisUrl: database.redisUrl,
      secretKey,
      workers: [`127.0.0.1:${worker.port}`],
      ratePerMinute: options.ratePerMinute ?? 10_000,
      logger: createLogger('test', 'silent'),
      registry: createMetrics('test'),
      ...(options.strangers && { strangers: options.strangers }),
      ...(options.approvalHoldMs !== undefined && { approvalHoldMs: options.approvalHoldMs }),
      ...(options.previewReadMs !== undefined && { previewReadMs: options.previewReadMs }),
    });
    gateways.push(gateway);
    return gateway;
  };
  const governed = await openGateway();
  const insert = (table: string, row: Record<string, unknown>) =>
    admin.withTenant(tenantId, async (tx) => {
      const columns = Object.keys(row);
      const places = columns.map((_, index) => `$${index + 1}`).join(', ');
      await tx.query(
        `insert into ${table} (${columns.join(', ')}) values (${places})`,
        Object.values(row),
      );
    });
  let version = 0;

  const stack: GovernedStack = {
    governed,
    openGateway,
    admin,
    people,
    calls,
    connect: async (slug, capabilities, upstream) => {
      const id = newId('con');
      upstreams.set(id, upstream);
      const server = JSON.stringify({ protocolVersion: '2025-11-25', capabilities });
      const row = { kind: 'mcp-http', url: 'https://up.example', status: 'ACTIVE', server };
      await insert('connection', { tenant_id: tenantId, id, slug, timeout_ms: 1_000, ...row });
      return id;
    },
    addTool: (connectionId, slug, name, more = {}) =>
      insert('tool', {
        tenant_id: tenantId,
        id: newId('tol'),
        connection_id: connectionId,
        upstream_name: name,
        shown_name: `${slug}_${name}`,
        definition: JSON.stringify({ name, inputSchema: { type: 'object' } }),
        definition_hash: randomBytes(32),
        proposed_class: 'read',
        ...more,
      }),
    activate: async (policy) => {
      version++;
      const document = JSON.stringify(policy);
      await insert('policy', { tenant_id: tenantId, version, document, source: document });
      await admin.pool.query('update tenant set active_policy = $2 where id = $1', [
        tenantId,
        version,
      ]);
    },
    context: ({ apiKey, ...by } = {}) => ({
      headers: { authorization: `Bearer ${apiKey ?? people.member.apiKey}` },
      sourceIp: '127.0.0.1',
      resourcePath: '/mcp',
      era: 'modern',
      protocolVersion: '2026-07-28',
      timeline: new Timeline(),
      ...by,
    }),
    request: (method, params, by, more) =>
      governed.mcp.request({
        context: stack.context(by),
        method,
        params,
        signal: new AbortController().signal,
        ...more,
      }),
    call: (name, argumentsValue, by, more) =>
      governed.mcp.callTool({
        context: stack.context(by),
        name,
        argumentsValue,
        signal: new AbortController().signal,
        ...more,
      }),
    keptArguments: async (callId) => {
      const { rows } = await admin.pool.query<{ record: string }>(
        'select record from call where call_id = $1',
        [callId],
      );
      const { memberId, argumentsSealed } = JSON.parse(rows[0]!.record) as Record<string, string>;
      const box = Buffer.from(argumentsSealed!, 'base64');
      return JSON.parse(await stack.opened(memberId!, `call/${callId}`, box));
    },
    opened: async (memberId, place, sealed) => {
      const vault = createVault({ kek: deriveKey(secretKey, 'kek'), db: admin });
      return (await vault.openForSubject(tenantId, memberId, place, sealed)).toString();
    },
    records: async () => {
      const { rows } = await admin.pool.query<{ record: string }>(
        'select record from call where tenant_id = $1 order by epoch, tick, ordinal',
        [tenantId],
      );
      return rows.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
    },
    stop: async () => {
      for (const gateway of gateways) await gateway.stop();
      await worker.close();
      await admin.end();
      await database.drop();
    },
  };
  await stack.activate({ version: 1, default: 'allow', rules: [] });
  return stack;
}

/** A result of the upstream, as its worker hands it on. */
export const answered = (result: object): CallResult => ({
  outcome: 'ok',
  resultJson: JSON.stringify(result),
  durationMs: 1,
});
