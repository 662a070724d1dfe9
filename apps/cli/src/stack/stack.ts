import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { canHoldSocket } from '@conducktor/config';
import { createDb, migrate } from '@conducktor/db';
import {
  requireFreePort,
  startPostgres,
  startRedis,
  type EmbeddedPostgres,
  type EmbeddedRedis,
} from '@conducktor/embedded';
import type { Logger } from '@conducktor/runtime';
import { everythingService } from '../demo/everything-server.js';
import { REPOSITORY, filesOf, portsOf } from './layout.js';
import { nodeArguments } from './node-arguments.js';
import { serviceEnv, type ServiceName } from './service-env.js';
import { serviceUnit } from './service.js';
import { createUnit, type Unit } from './unit.js';

/** In the order of their start: each finds what it calls, and the gateway opens the door last. */
const SERVICES: { name: ServiceName; port: keyof ReturnType<typeof portsOf> }[] = [
  { name: 'connector-worker', port: 'worker' },
  { name: 'audit', port: 'audit' },
  { name: 'billing-usage', port: 'billing' },
  { name: 'auth', port: 'auth' },
  { name: 'control', port: 'control' },
  { name: 'gateway', port: 'gateway' },
];

export interface StackDeps {
  data: string;
  portBase: number;
  publicUrl: string;
  secretKey: string;
  /** Parts of an earlier stack may still be ending. */
  afterKill: boolean;
  logger: Logger;
  /** A part changed its status. */
  onChange: () => void;
  /** Runs one step of the start under a name that people read. */
  step: (label: string, work: (note: (text: string) => void) => Promise<void>) => Promise<void>;
}

export interface Stack {
  readonly units: Unit[];
  unit(name: string): Unit | undefined;
  /** Superuser of the database: set-up only. */
  readonly adminUrl: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The parts of one machine's Conducktor and the order in which they start and stop. */
export function createStack(deps: StackDeps): Stack {
  const { data, logger, onChange } = deps;
  const ports = portsOf(deps.portBase);
  const files = filesOf(data);
  let postgres: EmbeddedPostgres | undefined;
  let redis: EmbeddedRedis | undefined;
  let note: (text: string) => void = () => undefined;
  const onProgress = (text: string) => note(text);

  const infrastructure = [
    createUnit(
      {
        name: 'postgres',
        port: ports.postgres,
        log: files.log('postgres'),
        start: async () =>
          (postgres = await startPostgres({
            dir: data,
            port: ports.postgres,
            logFile: files.log('postgres'),
            onProgress,
          })),
      },
      { logger, onChange },
    ),
    createUnit(
      {
        name: 'redis',
        port: ports.redis,
        log: files.log('redis'),
        start: async () =>
          (redis = await startRedis({
            dir: data,
            port: ports.redis,
            logFile: files.log('redis'),
            onProgress,
          })),
      },
      { logger, onChange },
    ),
  ];
  const services = SERVICES.filter(({ name }) => existsSync(programOf(name))).map(
    ({ name, port }) =>
      createUnit(
        serviceUnit({
          name,
          args: [...nodeArguments(name), programOf(name)],
          cwd: REPOSITORY,
          port: ports[port],
          health: true,
          log: files.log(name),
          // Read at every start of the service: Postgres and Redis may have been started anew.
          get env() {
            return serviceEnv(name, {
              ports,
              publicUrl: deps.publicUrl,
              secretKey: deps.secretKey,
              stdioCatalog: files.stdioCatalog,
              mailDir: files.mail,
              archiveDir: files.archive,
              workerSocket: canHoldSocket(files.workerSocket) ? files.workerSocket : undefined,
              redisUrl: redis!.url,
              databaseUrl: (role) => postgres!.urlFor(role),
              inherited: process.env,
            });
          },
        }),
        { logger, onChange },
      ),
  );
  const demoServer = createUnit(
    serviceUnit(everythingService(ports.everything, files.log('everything'))),
    { logger, onChange },
  );
  const units = [...infrastructure, ...services, demoServer];

  return {
    units,
    unit: (name) => units.find((unit) => unit.view.name === name),
    get adminUrl() {
      return postgres!.adminUrl;
    },
    async start() {
      await requireFreePorts(ports, deps.afterKill ? 5_000 : 0);
      await deps.step('Postgres and Redis', async (say) => {
        note = say;
        await Promise.all(infrastructure.map((unit) => unit.start()));
      });
      await deps.step('Database schema', async () => {
        await migrate(postgres!.adminUrl);
        const db = createDb(postgres!.adminUrl, { max: 1 });
        for (const statement of postgres!.rolePasswords) await db.pool.query(statement);
        await db.end();
      });
      await deps.step('Services', async (say) => {
        const waiting = new Set([...services, demoServer].map((unit) => unit.view.name));
        await Promise.all(
          [...services, demoServer].map(async (unit) => {
            await unit.start();
            waiting.delete(unit.view.name);
            if (waiting.size > 0) say(`waiting for ${[...waiting].join(', ')}`);
          }),
        );
      });
    },
    async stop() {
      const named = (...names: string[]) =>
        Promise.all(
          units.filter((unit) => names.includes(unit.view.name)).map((unit) => unit.stop()),
        );
      // The gateway drains first: its calls need everything else.
      await named('gateway');
      await named('connector-worker', 'control', 'auth', 'everything');
      await named('audit', 'billing-usage');
      await named('redis', 'postgres');
    },
  };
}

function programOf(service: ServiceName): string {
  return join(REPOSITORY, 'apps', service, 'dist/main.js');
}

async function requireFreePorts(
  ports: ReturnType<typeof portsOf>,
  patienceMs: number,
): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    for (let waited = 0; ; waited += 250) {
      try {
        await requireFreePort(port, `the ${name === 'everything' ? 'demo server' : name}`);
        break;
      } catch (error) {
        if (waited >= patienceMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}
