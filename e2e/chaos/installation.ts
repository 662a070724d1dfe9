// A whole installation whose every connection between two processes goes through a fault proxy: two
// gateways, two workers, auth, control, audit, billing-usage, Postgres and Redis, kept up by the product's supervisor.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createDb, migrate, type Db } from '@conducktor/db';
import {
  newSecret,
  startPostgres,
  startRedis,
  type EmbeddedPostgres,
  type EmbeddedRedis,
  type PostgresRole,
} from '@conducktor/embedded';
import { createLogger } from '@conducktor/runtime';
import { freePortBlock, startFaultProxy, type FaultProxy } from '@conducktor/testing';
import { nodeArguments } from '../../apps/cli/dist/stack/node-arguments.js';
import { serviceUnit } from '../../apps/cli/dist/stack/service.js';
import { createUnit, type Unit } from '../../apps/cli/dist/stack/unit.js';
import type { Random } from './random.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export const GATEWAYS = ['gateway-a', 'gateway-b'] as const;
export const WORKERS = ['worker-a', 'worker-b'] as const;
const OTHERS = ['auth', 'control', 'audit', 'billing-usage'] as const;
export const SERVICES = [...GATEWAYS, ...WORKERS, ...OTHERS] as const;
export type Service = (typeof SERVICES)[number];
export type Part = Service | 'postgres' | 'redis';

/** Connections that can be spoilt: of a service to Postgres or Redis, to a worker, to the upstreams. */
export type Wire =
  | `${Service} - postgres`
  | `${(typeof GATEWAYS)[number]} - redis`
  | `gateways - ${(typeof WORKERS)[number]}`
  | 'workers - upstreams';

export interface Installation {
  /** Base addresses of the gateways. */
  readonly gateways: readonly string[];
  readonly admin: Db;
  readonly redisUrl: string;
  readonly units: ReadonlyMap<Part, Unit>;
  readonly wires: ReadonlyMap<Wire, FaultProxy>;
  /** What connections of workspaces name as their upstream. */
  readonly upstreamUrl: string;
  stop(): Promise<void>;
}

export interface InstallationOptions {
  /** Of Postgres and Redis; may be a small disk. */
  dataDir: string;
  logDir: string;
  upstreamPort: number;
  random: Random;
  /** Goes over the environment of each Node service. */
  envOf?: (service: Service) => Record<string, string>;
}

/** Starts everything; resolves when all of it is ready. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { dataDir, logDir } = options;
  mkdirSync(logDir, { recursive: true });
  const base = await freePortBlock(16);
  const [pgPort, redisPort] = [base + 14, base + 15];
  const logFile = (name: string) => join(logDir, `${name}.log`);
  const logger = createLogger('supervisor', 'fatal');
  const units = new Map<Part, Unit>();
  const wires = new Map<Wire, FaultProxy>();
  const random = options.random.next;
  const wire = async (name: Wire, port: number): Promise<number> => {
    const proxy = await startFaultProxy({ port, random });
    wires.set(name, proxy);
    return proxy.port;
  };
  const supervise = (unit: Parameters<typeof createUnit>[0]) => {
    const made = createUnit(unit, { logger, onChange: () => undefined });
    units.set(unit.name as Part, made);
    return made.start();
  };

  let postgres: EmbeddedPostgres | undefined;
  let redis: EmbeddedRedis | undefined;
  await Promise.all([
    supervise({
      name: 'postgres',
      port: pgPort,
      log: logFile('postgres'),
      start: async () =>
        (postgres = await startPostgres({
          dir: dataDir,
          port: pgPort,
          logFile: logFile('postgres'),
        })),
    }),
    supervise({
      name: 'redis',
      port: redisPort,
      log: logFile('redis'),
      start: async () =>
        (redis = await startRedis({ dir: dataDir, port: redisPort, logFile: logFile('redis') })),
    }),
  ]);
  await migrate(postgres!.adminUrl);
  // The judge reads all that was ever recorded, beside whatever else the machine does.
  const admin = createDb(postgres!.adminUrl, { max: 2, statementTimeoutMs: 180_000 });
  for (const statement of postgres!.rolePasswords) await admin.pool.query(statement);

  const secretKey = newSecret();
  const workerPorts: number[] = [];
  for (const [index, name] of WORKERS.entries())
    workerPorts.push(await wire(`gateways - ${name}`, base + 8 + index));
  const upstreamPort = await wire('workers - upstreams', options.upstreamPort);
  const workers = workerPorts.map((port) => `127.0.0.1:${port}`).join(',');
  const own: Record<Service, [PostgresRole, Record<string, string>]> = {
    'gateway-a': ['conducktor_gateway', { WORKERS: workers }],
    'gateway-b': ['conducktor_gateway', { WORKERS: workers }],
    'worker-a': ['conducktor_app', { RPC_PORT: String(base + 8), OUTBOUND_ALLOW: 'loopback' }],
    'worker-b': ['conducktor_app', { RPC_PORT: String(base + 9), OUTBOUND_ALLOW: 'loopback' }],
    auth: ['conducktor_auth', { MAIL_DIR: join(logDir, 'mail') }],
    control: ['conducktor_app', { WORKERS: workers }],
    audit: ['conducktor_audit', {}],
    'billing-usage': ['conducktor_billing', {}],
  };
  await Promise.all(
    SERVICES.map(async (name, index) => {
      const [role, ownEnv] = own[name];
      const database = new URL(postgres!.urlFor(role));
      database.port = String(await wire(`${name} - postgres`, pgPort));
      const cache = new URL(redis!.url);
      if (isGateway(name)) cache.port = String(await wire(`${name} - redis`, redisPort));
      const program = name.startsWith('gateway')
        ? 'gateway'
        : name.startsWith('worker')
          ? 'connector-worker'
          : name;
      await supervise(
        serviceUnit({
          name,
          args: [...nodeArguments(program), join(ROOT, 'apps', program, 'dist/main.js')],
          cwd: ROOT,
          port: base + index,
          health: true,
          log: logFile(name),
          env: {
            PATH: process.env['PATH'],
            NODE_ENV: 'production',
            ENVIRONMENT: 'embedded',
            LOG_LEVEL: 'info',
            HOST: '127.0.0.1',
            PORT: String(base + index),
            PUBLIC_URL: `http://localhost:${base}`,
            SECRET_KEY: secretKey,
            DATABASE_URL: database.href,
            REDIS_URL: cache.href,
            RATE_LIMIT_PER_MINUTE: '1000000',
            AUTH_URL: `http://127.0.0.1:${base + SERVICES.indexOf('auth')}`,
            CONTROL_URL: `http://127.0.0.1:${base + SERVICES.indexOf('control')}`,
            ...ownEnv,
            ...options.envOf?.(name),
          },
        }),
      );
    }),
  );
  return {
    gateways: GATEWAYS.map((_, index) => `http://127.0.0.1:${base + index}`),
    admin,
    redisUrl: redis!.url,
    units,
    wires,
    upstreamUrl: `http://127.0.0.1:${upstreamPort}/mcp`,
    stop: async () => {
      await admin.end().catch(() => undefined);
      const named = (names: readonly Part[]) =>
        Promise.all(names.map((name) => units.get(name)?.stop()));
      await named(GATEWAYS);
      await named([...WORKERS, ...OTHERS]);
      await named(['redis', 'postgres']);
      for (const proxy of wires.values()) await proxy.close();
    },
  };
}

function isGateway(name: Service): name is (typeof GATEWAYS)[number] {
  return name.startsWith('gateway');
}
