// The product as it is deployed, for measuring: real Postgres with fsync, Redis, every service of the
// call path started through its own entry point, 20 workspaces that each enforce a policy of 24 rules
// (12 match the call, with CEL conditions), limits that are enforced but not reached, sealing on.
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDb, migrate } from '@conducktor/db';
import { newSecret, spawnGuarded, startPostgres, startRedis } from '@conducktor/embedded';
import { seedWorkspace } from '@conducktor/testing';

const root = resolve(import.meta.dirname, '..');
export const WORKSPACES = 20;
const READY_MS = 30_000;

/**
 * Starts everything on `base` … `base + 11` (ports as in docs/ARCHITECTURE.md) and connects `echo` to
 * `upstreamUrl` in every workspace. `nodeArgs` go to the processes named in them, for profiles.
 * Returns {url, tokens, tool, dir, stop()}.
 */
export async function startPrivateStack({ base, upstreamUrl, nodeArgs = {}, say = () => {} }) {
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
    const admin = createDb(postgres.adminUrl, { max: 4 });
    for (const statement of postgres.rolePasswords) await admin.pool.query(statement);

    say('starting the services');
    const environment = serviceEnvironment({ base, dir, postgres, redis });
    await Promise.all(
      Object.entries(environment).map(async ([app, env]) => {
        const log = openSync(join(dir, `${app}.log`), 'a');
        const service = await spawnGuarded(
          process.execPath,
          [...(nodeArgs[app] ?? []), join(root, 'apps', app, 'dist/main.js')],
          { cwd: root, env, stdout: log, stderr: log, graceTenths: 20 },
        );
        undo.push(() => service.stop(10_000));
        await ready(app, `http://127.0.0.1:${env.PORT}/readyz`, service, join(dir, `${app}.log`));
      }),
    );

    say(`seeding ${WORKSPACES} workspaces`);
    const tokens = [];
    for (let i = 0; i < WORKSPACES; i++) {
      const workspace = await seedWorkspace(admin, { name: `bench ${i}`, limitProfile: 'host' });
      tokens.push(workspace.owner.apiKey);
      await connectEcho(`http://127.0.0.1:${base}/api/v1`, workspace.owner.apiKey, upstreamUrl);
    }
    await admin.end();
    return { host: '127.0.0.1', port: base, path: '/mcp', tokens, tool: 'bench_echo', dir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function serviceEnvironment({ base, dir, postgres, redis }) {
  writeFileSync(join(dir, 'stdio-catalog.json'), '{}');
  const common = {
    PATH: process.env.PATH,
    PUBLIC_URL: `http://127.0.0.1:${base}`,
    ENVIRONMENT: 'embedded',
    LOG_LEVEL: 'warn',
    SECRET_KEY: newSecret(),
    REDIS_URL: redis.url,
    NODE_ENV: 'production',
  };
  const service = (role, offset, more = {}) => ({
    ...common,
    DATABASE_URL: postgres.urlFor(role),
    PORT: String(base + offset),
    ...more,
  });
  const workers = `127.0.0.1:${base + 3}`;
  return {
    gateway: service('conducktor_gateway', 0, {
      AUTH_URL: `http://127.0.0.1:${base + 1}`,
      CONTROL_URL: `http://127.0.0.1:${base + 2}`,
      WORKERS: workers,
      RATE_LIMIT_PER_MINUTE: '1000000',
    }),
    control: service('conducktor_app', 2, { WORKERS: workers }),
    'connector-worker': service('conducktor_app', 5, {
      RPC_PORT: String(base + 3),
      STDIO_CATALOG: join(dir, 'stdio-catalog.json'),
      OUTBOUND_ALLOW: 'loopback',
    }),
    audit: service('conducktor_audit', 4),
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

async function connectEcho(api, key, upstreamUrl) {
  const post = async (path, body) => {
    const response = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
  const { id } = await post('/connections', { slug: 'bench', kind: 'mcp-http', url: upstreamUrl });
  const tested = await post(`/connections/${id}/test`);
  if (tested.status !== 'ACTIVE') throw new Error(`The echo connection is ${tested.status}.`);
  const { version } = await post('/policies', { document: benchPolicy() });
  await post(`/policies/${version}/activate`);
}

/** Twelve rules whose conditions hold for the measured call, and twelve that must be looked at too. */
export function benchPolicy() {
  const matching = Array.from({ length: 12 }, (_, i) => ({
    id: `holds-${i}`,
    when: {
      tools: ['bench_*'],
      if: `args.amount > ${i * 100} && args.message.startsWith("hello") && size(args.message) < 200`,
    },
    effect: 'allow',
  }));
  const failing = Array.from({ length: 12 }, (_, i) => ({
    id: `fails-${i}`,
    when: { tools: ['bench_*'], if: `args.amount > ${1_000_000 + i} && caller.groups.size() >= 0` },
    effect: 'deny',
    message: 'Too large',
  }));
  return { version: 1, default: 'deny', rules: [...matching, ...failing] };
}
