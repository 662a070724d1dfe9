/** Gateways, a worker process and real upstreams over one database: the whole way of a call. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { newId, type ClientCapabilities } from '@conducktor/contracts';
import { createDb, type Db } from '@conducktor/db';
import { createLogger, createMetrics } from '@conducktor/runtime';
import { Timeline } from '@conducktor/telemetry';
import {
  createTestDatabase,
  freePortBlock,
  seedWorkspace,
  type SeededWorkspace,
  type TestDatabase,
} from '@conducktor/testing';
import type { McpRequestContext, ToolCallAnswer, ToolCallInput } from '../../mcp/ports.js';
import { openGoverned, type Governed } from '../../open-governed.js';

// The worker's two, the control plane's two, and some for gateways.
const PORTS = 10;

// `connect` writes down less of a tool than its service lists: here is an admin who accepts all the rest
// as soon as the worker reads it.
const ACCEPTED_AT_ONCE = `
  create function accepted_at_once() returns trigger language plpgsql as $$ begin
    new.definition := coalesce(new.offered_definition, new.definition);
    new.definition_hash := coalesce(new.offered_hash, new.definition_hash);
    new.offered_definition := null; new.offered_hash := null; new.offered_class := null; new.offered_at := null;
    return new;
  end $$;
  create trigger accepted_at_once before insert or update on tool
    for each row execute function accepted_at_once();`;

const APPS = new URL('../../../../', import.meta.url);

export interface WholePath {
  gateways: Governed[];
  admin: Db;
  database: TestDatabase;
  people: SeededWorkspace;
  /** A further gateway in this process. */
  openGateway(): Promise<Governed>;
  /** A gateway as a process of its own; resolves with its MCP URL when it is ready. */
  startGateway(): Promise<{ url: string; kill(): Promise<void> }>;
  killWorker(): Promise<void>;
  startWorker(): Promise<void>;
  /** The control plane, which runs the management tools; where it answers over HTTP. */
  controlUrl: string;
  killControl(): Promise<void>;
  startControl(): Promise<void>;
  /** In effect when it resolves, as is a policy by `activate`. */
  connect(
    slug: string,
    url: string,
    tools: readonly string[],
    capabilities?: Record<string, unknown>,
  ): Promise<string>;
  activate(policy: object): Promise<void>;
  context(by?: Caller): McpRequestContext;
  call(
    gateway: Governed,
    name: string,
    args?: object,
    by?: Caller & Partial<ToolCallInput>,
  ): Promise<ToolCallAnswer>;
  /** What the journal holds of calls, in order; `outcome` is that of the settled record. */
  records(): Promise<{ tool: string; decision: string; callId: string; outcome?: string }[]>;
  stop(): Promise<void>;
}

export interface Caller {
  apiKey?: string;
  era?: 'legacy' | 'modern';
  capabilities?: ClientCapabilities;
  logLevel?: string;
  resourcePath?: string;
  timeline?: Timeline;
}

/**
 * `control`: with a control plane, which gateways then know. `redisUrl`: what stands between gateways
 * and Redis, by default nothing.
 */
export async function startWholePath(
  options: {
    gateways?: number;
    control?: boolean;
    redisUrl?: (direct: string) => Promise<string>;
  } = {},
): Promise<WholePath> {
  const database = await createTestDatabase();
  const admin = createDb(database.adminUrl);
  await admin.pool.query(ACCEPTED_AT_ONCE);
  const people = await seedWorkspace(admin);
  const { tenantId } = people;
  const redisUrl = (await options.redisUrl?.(database.redisUrl)) ?? database.redisUrl;
  const secretKey = randomBytes(32).toString('base64url');
  const rpcPort = await freePortBlock(PORTS);
  const control = { rpc: rpcPort + 2, http: rpcPort + 3 };
  let nextPort = rpcPort + 4;
  const children = new Set<ChildProcess>();
  const gateways: Governed[] = [];
  const common = {
    PATH: process.env['PATH']!,
    ENVIRONMENT: 'embedded',
    LOG_LEVEL: 'info',
    SECRET_KEY: secretKey,
    REDIS_URL: redisUrl,
  };
  let worker: ChildProcess | undefined;
  let controlPlane: ChildProcess | undefined;

  /** Until every gateway of this process decides by what was just written. */
  const inEffect = async () => {
    const { rows } = await admin.pool.query<{ version: string }>(
      'select version from tenant_version where tenant_id = $1',
      [tenantId],
    );
    for (const gateway of gateways) {
      for (let tries = 0; ; tries++) {
        const list = await gateway.mcp.listTools(path.context());
        const seen = list.kind === 'tools' ? /-(\d+)\//.exec(list.etag)?.[1] : undefined;
        if (Number(seen) >= Number(rows[0]!.version)) break;
        if (tries > 200) throw new Error(`A change did not take effect: ${JSON.stringify(list)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  const start = async (app: string, said: string, env: Record<string, string>) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL(`${app}/dist/main.js`, APPS))], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...common, ...env },
    });
    children.add(child);
    let words = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          words += String(chunk);
          if (words.includes(said)) resolve();
        });
      child.once('exit', (code) => reject(new Error(`${app} ended with ${code}: ${words}`)));
    });
    return child;
  };
  const kill = (child: ChildProcess | undefined) =>
    new Promise<void>((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return resolve();
      children.delete(child);
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  const insert = (table: string, row: Record<string, unknown>) =>
    admin.withTenant(tenantId, async (tx) => {
      const columns = Object.keys(row);
      await tx.query(
        `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(row),
      );
    });

  const path: WholePath = {
    gateways,
    admin,
    database,
    people,
    openGateway: async () => {
      const governed = await openGoverned({
        publicUrl: 'https://mcp.example.test',
        databaseUrl: database.urlFor('conducktor_gateway'),
        redisUrl,
        secretKey,
        workers: [`127.0.0.1:${rpcPort}`],
        ...(options.control ? { controlRpc: [`127.0.0.1:${control.rpc}`] } : {}),
        ratePerMinute: 100_000,
        logger: createLogger('test', 'silent'),
        registry: createMetrics('test'),
      });
      gateways.push(governed);
      return governed;
    },
    startGateway: async () => {
      const port = nextPort++;
      const url = `http://127.0.0.1:${port}`;
      const child = await start('gateway', 'Gateway is listening', {
        PORT: String(port),
        PUBLIC_URL: `http://localhost:${port}`,
        DATABASE_URL: database.urlFor('conducktor_gateway'),
        WORKERS: `127.0.0.1:${rpcPort}`,
        ...(options.control ? { CONTROL_RPC: `127.0.0.1:${control.rpc}` } : {}),
        RATE_LIMIT_PER_MINUTE: '100000',
      });
      return { url: `${url}/mcp`, kill: () => kill(child) };
    },
    startWorker: async () => {
      worker = await start('connector-worker', 'Connector worker is listening', {
        PORT: String(rpcPort + 1),
        RPC_PORT: String(rpcPort),
        DATABASE_URL: database.urlFor('conducktor_app'),
        OUTBOUND_ALLOW: 'loopback',
      });
    },
    killWorker: () => kill(worker),
    controlUrl: `http://127.0.0.1:${control.http}`,
    startControl: async () => {
      controlPlane = await start('control', 'Control is listening', {
        PORT: String(control.http),
        RPC_PORT: String(control.rpc),
        PUBLIC_URL: 'https://mcp.example.test',
        DATABASE_URL: database.urlFor('conducktor_app'),
        WORKERS: `127.0.0.1:${rpcPort}`,
      });
    },
    killControl: () => kill(controlPlane),
    connect: async (slug, url, tools, capabilities = { tools: {} }) => {
      const id = newId('con');
      const server = JSON.stringify({ protocolVersion: '2025-11-25', capabilities });
      const row = { tenant_id: tenantId, id, slug, kind: 'mcp-http', url, status: 'ACTIVE' };
      await insert('connection', { ...row, timeout_ms: 5_000, server });
      for (const name of tools)
        await insert('tool', {
          tenant_id: tenantId,
          id: newId('tol'),
          connection_id: id,
          upstream_name: name,
          shown_name: `${slug}_${name}`,
          definition: JSON.stringify({ name, inputSchema: { type: 'object' } }),
          definition_hash: randomBytes(32),
          proposed_class: 'write',
        });
      await inEffect();
      return id;
    },
    activate: async (policy) => {
      // The control plane may have stored some meanwhile.
      const { rows } = await admin.pool.query<{ version: number }>(
        'select coalesce(max(version), 0) + 1 as version from policy where tenant_id = $1',
        [tenantId],
      );
      const { version } = rows[0]!;
      const document = JSON.stringify(policy);
      await insert('policy', { tenant_id: tenantId, version, document, source: document });
      await admin.pool.query('update tenant set active_policy = $2 where id = $1', [
        tenantId,
        version,
      ]);
      await inEffect();
    },
    context: ({ apiKey, era = 'modern', ...by } = {}) => ({
      headers: { authorization: `Bearer ${apiKey ?? people.member.apiKey}` },
      sourceIp: '127.0.0.1',
      resourcePath: '/mcp',
      era,
      protocolVersion: era === 'modern' ? '2026-07-28' : '2025-11-25',
      timeline: new Timeline(),
      ...by,
    }),
    call: (gateway, name, args = {}, by = {}) => {
      const { apiKey, era, capabilities, logLevel, resourcePath = '/mcp', ...more } = by;
      const { timeline = new Timeline(), ...input } = more;
      return gateway.mcp.callTool({
        context: path.context({
          resourcePath,
          timeline,
          ...(apiKey && { apiKey }),
          ...(era && { era }),
          ...(capabilities && { capabilities }),
          ...(logLevel && { logLevel }),
        }),
        name,
        argumentsValue: args,
        signal: new AbortController().signal,
        ...input,
      });
    },
    records: async () => {
      const { rows } = await admin.pool.query<{ id: string; call: string; outcome: string | null }>(
        `select c.call_id as id, c.record as call, o.record as outcome
           from call c left join outcome o on o.call_id = c.call_id
          where c.tenant_id = $1 order by c.epoch, c.tick, c.ordinal`,
        [tenantId],
      );
      return rows.map((row) => {
        const { tool, decision } = JSON.parse(row.call) as { tool: string; decision: string };
        const outcome = row.outcome === null ? undefined : JSON.parse(row.outcome).outcome;
        return { tool, decision, callId: row.id, ...(outcome && { outcome }) };
      });
    },
    stop: async () => {
      for (const gateway of gateways.splice(0)) await gateway.stop();
      for (const child of children) await kill(child);
      await admin.end();
      await database.drop();
    },
  };
  await Promise.all([path.startWorker(), options.control && path.startControl()]);
  for (let i = 0; i < (options.gateways ?? 1); i++) await path.openGateway();
  await path.activate({ version: 1, default: 'allow', rules: [] });
  return path;
}
