// The product as it is deployed, for measuring: real Postgres with fsync, Redis, every service started
// through its own entry point, workspaces with an active policy and connected upstreams (workload.mjs),
// limits that are enforced but not reached, sealing on.
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { accessTokenSigner } from './access-tokens.mjs';
import { setPricesAndBudgets } from './budgets.mjs';
import { seedWorkspaces } from './seed.mjs';
import { STANDARD } from './workload.mjs';

const ownRoot = resolve(import.meta.dirname, '..');
const READY_MS = 30_000;

/**
 * Starts everything on `base` … `base + 15` (ports as in docs/ARCHITECTURE.md) out of the built checkout
 * `root`, and fills it with `workload`, its connections at `upstreamUrl`. `nodeArgs` go to the processes
 * named in them, for profiles. Returns {url, tokens, tool, dir, stop()}.
 */
export async function startPrivateStack({
  base,
  upstreamUrl,
  root = ownRoot,
  workload: asked = {},
  nodeArgs = {},
  say = () => {},
}) {
  const workload = { ...STANDARD, ...asked };
  const lib = (name) => import(pathToFileURL(join(root, 'libs', name, 'dist/index.js')).href);
  const [{ createDb, migrate }, { newSecret, spawnGuarded, startPostgres, startRedis }] =
    await Promise.all([lib('db'), lib('embedded')]);
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-bench-'));
  const undo = [() => rmSync(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    say('starting Postgres and Redis');
    const [postgres, redis] = await Promise.all([
      startPostgres({ dir, port: base + 10 }),
      startRedis({ dir, port: base + 11 }),
    ]);
    undo.push(
      () => postgres.stop(),
      () => redis.stop(),
    );
    await migrate(postgres.adminUrl);
    const admin = createDb(postgres.adminUrl, { max: 8 });
    for (const statement of postgres.rolePasswords) await admin.pool.query(statement);

    say('starting the services');
    const secretKey = newSecret();
    const argumentsOf = await nodeArgumentsOf(root);
    const environment = serviceEnvironment({ root, base, dir, postgres, redis, secretKey });
    await Promise.all(
      Object.entries(environment).map(async ([app, env]) => {
        const log = openSync(join(dir, `${app}.log`), 'a');
        const service = await spawnGuarded(
          process.execPath,
          [...argumentsOf(app), ...(nodeArgs[app] ?? []), join(root, 'apps', app, 'dist/main.js')],
          { cwd: root, env, stdout: log, stderr: log, graceTenths: 20 },
        );
        undo.push(() => service.stop(10_000));
        await ready(app, `http://127.0.0.1:${env.PORT}/readyz`, service, join(dir, `${app}.log`));
      }),
    );

    say(`seeding ${workload.workspaces} workspaces`);
    const publicUrl = `http://127.0.0.1:${base}`;
    const { seedWorkspace } = await lib('testing');
    const people = await seedWorkspaces({
      workload,
      upstreamUrl,
      api: `${publicUrl}/api/v1`,
      create: (name) => seedWorkspace(admin, { name, limitProfile: 'host' }),
    });
    if (workload.priced) await setPricesAndBudgets(admin, people, workload);
    const callers = people.flatMap(({ tenantId, owner, member, contractor }) =>
      [owner, member, contractor]
        .slice(0, workload.people)
        .map((person) => ({ tenantId, owner: person })),
    );
    const tokens =
      workload.credential === 'key'
        ? callers.map(({ owner }) => owner.apiKey)
        : await Promise.all(
            callers.map(await accessTokenSigner({ root, lib, admin, publicUrl, secretKey })),
          );
    undo.push(() => admin.end());
    const asAdmin = (sql, values) => admin.pool.query(sql, values);
    const target = { host: '127.0.0.1', port: base, path: '/mcp', tokens, tool: 'bench_echo' };
    return { ...target, people, asAdmin, dir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** How this checkout starts Node for a service; earlier ones did it the same for all. */
async function nodeArgumentsOf(root) {
  const file = join(root, 'apps/cli/dist/stack/node-arguments.js');
  if (!existsSync(file)) return () => ['--enable-source-maps'];
  return (await import(pathToFileURL(file).href)).nodeArguments;
}

function serviceEnvironment({ root, base, dir, postgres, redis, secretKey }) {
  writeFileSync(join(dir, 'stdio-catalog.json'), '{}');
  const common = {
    PATH: process.env.PATH,
    PUBLIC_URL: `http://127.0.0.1:${base}`,
    ENVIRONMENT: 'embedded',
    LOG_LEVEL: 'warn',
    SECRET_KEY: secretKey,
    REDIS_URL: redis.url,
    NODE_ENV: 'production',
    DRAIN_DELAY_SECONDS: '0',
  };
  const service = (role, offset, more = {}) => ({
    ...common,
    DATABASE_URL: postgres.urlFor(role),
    PORT: String(base + offset),
    ...more,
  });
  // An earlier checkout knows ports only.
  const knowsSockets = readFileSync(join(root, '.env.example'), 'utf8').includes('RPC_SOCKET');
  const workers = knowsSockets ? join(dir, 'worker.sock') : `127.0.0.1:${base + 3}`;
  return {
    gateway: service('conducktor_gateway', 0, {
      AUTH_URL: `http://127.0.0.1:${base + 1}`,
      CONTROL_URL: `http://127.0.0.1:${base + 2}`,
      WORKERS: workers,
      RATE_LIMIT_PER_MINUTE: '1000000',
    }),
    auth: service('conducktor_auth', 1, { MAIL_DIR: join(dir, 'mail') }),
    control: service('conducktor_app', 2, { WORKERS: workers }),
    'connector-worker': service('conducktor_app', 5, {
      RPC_PORT: String(base + 3),
      ...(knowsSockets && { RPC_SOCKET: workers }),
      STDIO_CATALOG: join(dir, 'stdio-catalog.json'),
      OUTBOUND_ALLOW: 'loopback',
    }),
    audit: service('conducktor_audit', 4),
    // An earlier checkout has none.
    ...(existsSync(join(root, 'apps/billing-usage')) && {
      'billing-usage': service('conducktor_billing', 15),
    }),
  };
}

async function ready(app, url, service, logFile) {
  const until = Date.now() + READY_MS;
  let ended;
  void service.exited.then((exit) => (ended = exit));
  while (Date.now() < until) {
    if (ended) break;
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(50);
  }
  const lastWords = readFileSync(logFile, 'utf8').slice(-2000);
  throw new Error(`${app} is not ready (${ended ? 'it ended' : 'no answer'}):\n${lastWords}`);
}
