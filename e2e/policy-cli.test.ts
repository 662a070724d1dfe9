// `conducktor policy …` as processes, against the running stack: a simulation is watched while the service
// that works on it is killed, stopped by Ctrl-C, and every mistake is said in words with its code.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { CLI, unitsOf } from './support/stack.js';
import { eventually, openWorld, type World } from './support/world.js';

// Steps are of 100 to 4,000 events. The draft changes nothing in the first, and everything after them.
const UNCHANGED = 6_000;
const CHANGED = 9_000;

const DRAFT = `
version: 1
default: allow
rules:
  - { id: no-notes, when: { tools: [rec_add_note] }, effect: deny, message: No notes }
tests:
  - { name: no notes, call: { tool: rec_add_note }, expect: deny, rule: no-notes }
`;

let world: World;
let dir: string;
const started: ChildProcess[] = [];
beforeAll(async () => {
  world = await openWorld();
  dir = mkdtempSync(join(tmpdir(), 'policy-cli-'));
  writeFileSync(join(dir, 'draft.yaml'), DRAFT);
  await recordCalls();
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await world.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Calls of the last hour, in the sequence of the workspace. */
async function recordCalls(): Promise<void> {
  const { tenantId, member } = world.workspace;
  await world.admin.pool.query(
    `with head as (
       insert into audit_head as h (tenant_id, next_seq) values ($1, 1 + $2)
       on conflict (tenant_id) do update set next_seq = h.next_seq + $2
       returning next_seq - $2 as first)
     insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool,
                              decision, detail)
     select $1, first + i, 'evt_' || to_hex(first + i) || 'x', 'call', now() - interval '1 hour' + i * interval '1 ms',
            'call_cli_' || i, $3, $4, 'chatgpt', 'rec', case when i < $5 then 'rec_echo' else 'rec_add_note' end,
            'allow', '{}'
       from head, generate_series(0, $2::int - 1) i`,
    [tenantId, UNCHANGED + CHANGED, member.memberId, member.email, UNCHANGED],
  );
}

interface Run {
  child: ChildProcess;
  said(): string;
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Runs `conducktor policy …` with this key, and nothing else of ours in its environment. */
function run(args: string[], key = world.workspace.owner.apiKey): Run {
  const child = spawn(process.execPath, [CLI, 'policy', ...args, '--url', world.stack.publicUrl], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], CONDUCKTOR_API_KEY: key },
  });
  started.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise<Awaited<Run['ended']>>((done) =>
    child.once('close', (code) => done({ code, stdout, stderr })),
  );
  return { child, said: () => stdout + stderr, ended };
}

/** No step that finds changes ends before `release` is called, or the test ends. */
async function holdSteps(): Promise<{ release(): Promise<void> }> {
  const client = await world.admin.pool.connect();
  await client.query('begin');
  await client.query('lock table policy_simulation_change in share mode');
  let held = true;
  const release = async () => {
    if (!held) return;
    held = false;
    await client.query('rollback');
    client.release();
  };
  onTestFinished(release);
  return { release };
}

interface Row {
  id: string;
  status: string;
  done: number;
}
async function newest(): Promise<Row | undefined> {
  const { rows } = await world.admin.pool.query<Row>(
    `select id, status, (cursor_seq - first_seq + 1)::int as done from policy_simulation
      where tenant_id = $1 order by created_at desc limit 1`,
    [world.workspace.tenantId],
  );
  return rows[0];
}
const running = (atLeast: number) =>
  eventually('a simulation has come so far', async () => {
    const row = await newest();
    return row?.status === 'running' && row.done >= atLeast && row;
  });

test('a simulation is watched to its end although its service is killed, and counts no call twice', async () => {
  const held = await holdSteps();
  const watched = run(['simulate', 'draft.yaml', '--tool', 'rec_add_note']);
  const before = await running(100);
  await eventually('progress is shown', async () => watched.said().includes('… '));
  const { pid } = unitsOf(world.stack.dataDir).find(({ name }) => name === 'control')!;
  process.kill(pid!, 'SIGKILL');
  await held.release();
  // A process that is killed keeps its simulation for half a minute; this test does not wait for that.
  await world.admin.pool.query('update policy_simulation set lease_until = now() where id = $1', [
    before.id,
  ]);
  const { code, stdout, stderr } = await watched.ended;
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/… \d+ %: \d+ calls, \d+ would change/);
  expect(stdout).toContain(
    `${CHANGED} of ${CHANGED} calls of the last 7 days were decided again; ${CHANGED} would change.`,
  );
  expect(stdout).toContain(`${CHANGED} from allow to deny`);
  const { rows } = await world.admin.pool.query(
    'select count(*)::int as n, min(seq)::int as first, max(seq)::int as last from policy_simulation_change where simulation_id = $1',
    [before.id],
  );
  expect(rows[0].n).toBe(CHANGED);
  expect(rows[0].last - rows[0].first).toBe(CHANGED - 1);
});

test('Ctrl-C cancels it on the server, and what it found is shown', async () => {
  const held = await holdSteps();
  const watched = run(['simulate', 'draft.yaml']);
  const { id } = await running(100);
  const another = await run(['simulate', 'draft.yaml']).ended;
  expect(another).toMatchObject({ code: 1, stdout: '' });
  expect(another.stderr).toContain(
    `(conflict) DELETE /api/v1/policies/simulations/${id} cancels it.`,
  );
  watched.child.kill('SIGINT');
  await eventually('the cancellation waits for the step', async () => {
    const { rowCount } = await world.admin.pool.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%status = ''cancelled''%'`,
    );
    return rowCount! > 0 || (await newest())?.status === 'cancelled';
  });
  await held.release();
  const { code, stdout } = await watched.ended;
  expect(code, stdout).toBe(130);
  expect(stdout).toContain('It did not come to its end: cancelled.');
  const row = (await newest())!;
  expect(row).toMatchObject({ id, status: 'cancelled' });
  expect(row.done).toBeLessThan(UNCHANGED + CHANGED);
});

test('tests, explanations and mistakes are told in words, and the key nowhere', async () => {
  const { member, owner } = world.workspace;
  const explaining = run([
    'explain',
    'draft.yaml',
    '--tool',
    'rec_add_note',
    '--member',
    member.email,
  ]);
  const title = `/proc/${explaining.child.pid}/cmdline`;
  if (existsSync(title)) expect(readFileSync(title, 'utf8')).not.toContain(owner.apiKey);
  const all = await Promise.all([
    explaining.ended,
    run(['test', 'draft.yaml', '--stack']).ended,
    run(['simulate', 'draft.yaml', '--member', 'nobody@x.example']).ended,
    run(['simulate', 'draft.yaml'], member.apiKey).ended,
    run(['explain', '--event', 'evt_nothing'], `${owner.apiKey.slice(0, -4)}wxyz`).ended,
  ]);
  const [explained, tested, nobody, forbidden, unknown] = all;
  expect(explained).toMatchObject({ code: 0, stderr: '' });
  expect(explained!.stdout).toContain('Denied by the rule "no-notes"');
  expect(tested).toMatchObject({ code: 0, stderr: '' });
  expect(tested!.stdout).toContain('1 passed, 0 failed');
  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody!.stderr).toMatch(/\(not_found\)$/m);
  expect(forbidden).toMatchObject({ code: 1, stdout: '' });
  expect(forbidden!.stderr).toMatch(/\((forbidden|insufficient_scope)\)$/m);
  expect(unknown).toMatchObject({ code: 1, stdout: '' });
  expect(unknown!.stderr).toMatch(/\(unauthenticated\)$/m);

  const told = all.map(({ stdout, stderr }) => stdout + stderr);
  const logs = join(world.stack.dataDir, 'logs');
  for (const file of readdirSync(logs)) told.push(readFileSync(join(logs, file), 'utf8'));
  expect(told.join('\n')).not.toContain(owner.apiKey);
});
