// What a simulation of a policy over many recorded calls takes (`npm run bench -- --simulation`): its time,
// the memory of `control`, how its progress shows, and what other requests notice of it. The calls are
// written into the database of a control service of its own, sealed as gateways seal them.
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDb, migrate } from '@conducktor/db';
import { newSecret, startPostgres, startRedis } from '@conducktor/embedded';
import { deriveKey } from '@conducktor/runtime';
import { seedWorkspace } from '@conducktor/testing';
import { createVault } from '@conducktor/vault';
import { percentile } from './stats.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const TOOLS = 50;
const BATCH = 2_000;

/** 50 rules. Most look at the arguments of every call, so that all of them have to be opened. */
const document = {
  version: 1,
  default: 'allow',
  rules: [
    { id: 'leak', when: { tools: ['crm_t1*'], seen: ['private'] }, effect: 'deny' },
    ...Array.from({ length: 49 }, (_, i) => ({
      id: `rule-${i}`,
      when: { if: `args.amount > ${9_990 - i * 10} && args.region == "r${i}"` },
      effect: 'deny',
    })),
  ],
};

export async function measureSimulation({ base, calls, say, undo }) {
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-bench-'));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  say('starting Postgres, Redis and control');
  const postgres = await startPostgres({ dir, port: base + 10 });
  undo.push(() => postgres.stop());
  const redis = await startRedis({ dir, port: base + 11 });
  undo.push(() => redis.stop());
  await migrate(postgres.adminUrl);
  const admin = createDb(postgres.adminUrl, { max: 4, statementTimeoutMs: 60_000 });
  undo.push(() => admin.end());
  for (const statement of postgres.rolePasswords) await admin.pool.query(statement);
  const secretKey = newSecret();
  const workspace = await seedWorkspace(admin, { name: 'bench' });
  await writeTools(admin, workspace);
  say(`writing ${calls} calls`);
  const vault = createVault({ kek: deriveKey(secretKey, 'kek'), db: admin });
  await writeCalls(admin, vault, workspace, calls);

  const origin = `http://127.0.0.1:${base + 2}`;
  const control = spawn(process.execPath, [join(ROOT, 'apps/control/dist/main.js')], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      PUBLIC_URL: origin,
      ENVIRONMENT: 'embedded',
      SECRET_KEY: secretKey,
      REDIS_URL: redis.url,
      NODE_ENV: 'production',
      DRAIN_DELAY_SECONDS: '0',
      DATABASE_URL: postgres.urlFor('conducktor_app'),
      PORT: String(base + 2),
      WORKERS: `127.0.0.1:${base + 3}`,
    },
  });
  undo.push(async () => {
    if (control.kill('SIGTERM')) await once(control, 'exit');
  });
  const api = (method, path, body) =>
    fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${workspace.owner.apiKey}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    }).then((answer) => answer.json());
  while (!(await api('GET', '/me').catch(() => undefined))) await sleep(100);

  const quiet = [];
  for (let i = 0; i < 200; i++) quiet.push(await timed(() => api('GET', '/me')));
  const before = memoryOf(control.pid);
  say('simulating');
  const began = performance.now();
  const cpuBegan = processorMs(control.pid);
  const { id } = await api('POST', '/policies/simulate', { document, days: 7 });
  const steps = new Set();
  const beside = [];
  let view;
  do {
    beside.push(await timed(() => api('GET', '/me')));
    view = await api('GET', `/policies/simulations/${id}`);
    steps.add(view.progress.done);
    await sleep(10);
  } while (view.finishedAt === null);
  const ms = performance.now() - began;
  const after = memoryOf(control.pid);
  const ofLatency = (all) => ({
    p50: percentile(
      all.sort((a, b) => a - b),
      0.5,
    ),
    p99: percentile(all, 0.99),
  });
  return {
    calls,
    judged: view.totals.judged,
    changed: view.totals.changed,
    state: view.state,
    ms: Math.round(ms),
    processorMs: processorMs(control.pid) - cpuBegan,
    memory: { beforeMb: before.now, peakMb: after.peak },
    progressSeen: steps.size,
    otherRequestsMs: { quiet: ofLatency(quiet), beside: ofLatency(beside) },
  };
}

export function printSimulation(report, say) {
  const { calls, judged, changed, state, ms, processorMs: cpu, memory, progressSeen } = report;
  const { quiet, beside } = report.otherRequestsMs;
  say(`${judged} of ${calls} calls judged (${state}), ${changed} would change`);
  say(`${(ms / 1000).toFixed(1)} s, ${(cpu / 1000).toFixed(1)} s of processor time of control`);
  say(`memory of control ${memory.beforeMb} MB before, ${memory.peakMb} MB at its peak`);
  say(`progress seen at ${progressSeen} places`);
  say(
    `another request beside it: p50 ${beside.p50.toFixed(1)} ms, p99 ${beside.p99.toFixed(1)} ms; alone ${quiet.p50.toFixed(1)} and ${quiet.p99.toFixed(1)} ms`,
  );
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Resident megabytes now and at the peak (Linux). */
function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024);
  return { now: mb('VmRSS'), peak: mb('VmHWM') };
}

/** Milliseconds of processor time (Linux; a tick is ten). */
function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function writeTools(admin, { tenantId }) {
  await admin.withTenant(tenantId, async (tx) => {
    await tx.query(
      `insert into connection (tenant_id, id, slug, kind, url) values ($1, 'con_bench', 'crm', 'mcp-http', 'http://127.0.0.1:9')`,
      [tenantId],
    );
    await tx.query(
      `insert into tool (tenant_id, id, connection_id, upstream_name, shown_name, definition, definition_hash, proposed_class, labels)
       select $1, 'tol_' || i, 'con_bench', 't' || i, 'crm_t' || i, '{}', '\\x00', 'write',
              case when i = 0 then array['private'] else '{}'::text[] end
         from generate_series(0, $2 - 1) i`,
      [tenantId, TOOLS],
    );
  });
}

/** Calls and their outcomes of the last three days by three people, in the order of time. */
async function writeCalls(admin, vault, { tenantId, owner, member, contractor }, calls) {
  const people = [owner, member, contractor];
  const began = Date.now() - 3 * 86_400_000;
  const everyMs = (3 * 86_400_000 - 60_000) / calls;
  for (let from = 0; from < calls; from += BATCH) {
    const rows = [];
    for (let i = from; i < Math.min(from + BATCH, calls); i++) {
      const { memberId, email } = people[i % 3];
      const text = JSON.stringify({
        amount: (i * 37) % 10_000,
        note: `call ${i} of the bench`,
        region: `r${i % 60}`,
      });
      const sealed = await vault.sealForSubject(tenantId, memberId, `call/call_${i}`, text);
      rows.push({
        i,
        at: new Date(began + i * everyMs).toISOString(),
        member: memberId,
        actor: email,
        tool: `crm_t${i % TOOLS}`,
        hash: hash('sha256', text, 'hex'),
        sealed: sealed.toString('base64'),
      });
    }
    await admin.pool.query(
      `insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool,
                                decision, outcome, arguments_hash, arguments_sealed, detail)
       select $1, 2 * i + 1 + o, 'evt_' || to_hex(2 * i + 1 + o) || 'x', case o when 0 then 'call' else 'outcome' end, at,
              'call_' || i, case o when 0 then member end, case o when 0 then actor end, case o when 0 then 'chatgpt' end,
              case o when 0 then 'crm' end, case o when 0 then tool end, case o when 0 then 'allow' end,
              case o when 1 then 'ok' end, case o when 0 then hash end, case o when 0 then sealed end, '{}'
         from jsonb_to_recordset($2::jsonb) r(i int, at timestamptz, member text, actor text, tool text, hash text, sealed text),
              generate_series(0, 1) o`,
      [tenantId, JSON.stringify(rows)],
    );
  }
  await admin.pool.query(
    "update subject_key set created_at = now() - interval '30 days' where tenant_id = $1",
    [tenantId],
  );
  await admin.pool.query('analyze audit_event');
}
