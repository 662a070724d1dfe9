// Where the time of a governed call goes: CPU profiles of gateway and worker under load
// (`node bench/profile.mjs [connections]`), summed by part and by function; with
// `--list` of a `tools/list` of 500 tools, with `--budgets one-row|many-rows` of priced calls.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortBlock } from '@conducktor/testing';
import { BUDGETS } from './budgets.mjs';
import { startPrivateStack } from './private-stack.mjs';
import { startScript } from './processes.mjs';
import { processorTimes } from './processor-time.mjs';
import { sumProfile } from './profile-sums.mjs';

const lists = process.argv.includes('--list');
const priced = process.argv.includes('--budgets');
const budgets = BUDGETS[process.argv[process.argv.indexOf('--budgets') + 1]];
if (priced && !budgets) throw new Error(`--budgets is ${Object.keys(BUDGETS).join(' or ')}.`);
const connections = Number(process.argv[2]) || 16;
const base = await freePortBlock(32);
const SECONDS = 10;
const PROFILED = ['gateway', 'connector-worker'];

const dir = mkdtempSync(join(tmpdir(), 'conducktor-profile-'));
const undo = [() => rmSync(dir, { recursive: true, force: true })];
try {
  const echo = await startScript('servers/echo.mjs', [String(base + 20)]);
  undo.push(echo.stop);
  const load = await startScript('load.mjs');
  undo.push(load.stop);
  const stack = await startPrivateStack({
    base,
    upstreamUrl: `http://127.0.0.1:${base + 20}/mcp`,
    workload: lists ? { connections: 20, tools: 500, workspaces: 4 } : { ...budgets, priced },
    say: (sentence) => process.stderr.write(`${sentence}\n`),
    nodeArgs: Object.fromEntries(
      PROFILED.map((app) => [app, ['--cpu-prof', `--cpu-prof-dir=${join(dir, app)}`]]),
    ),
  });
  let result;
  let from;
  let to;
  let spent;
  try {
    const { host, port, path, tool, tokens } = stack;
    const method = lists ? 'tools/list' : 'tools/call';
    const target = { host, port, path, tool, tokens, connections, method };
    // Not in the sums: starting, loading modules, compiling what is hot.
    await load.ask({ ...target, warmupMs: 0, durationMs: 4000 });
    from = monotonic();
    const before = processorTimes();
    result = await load.ask({ ...target, warmupMs: 0, durationMs: SECONDS * 1000 });
    to = monotonic();
    spent = Object.entries(processorTimes()).map(([name, us]) => [name, us - (before[name] ?? 0)]);
  } finally {
    // A profile is written when its process ends.
    await stack.stop();
  }
  console.log(
    `${connections} connections, ${Math.round(result.perSecond)} calls/s, p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms`,
  );
  console.log('\n| process | µs of processor time a call |\n|---|---|');
  for (const [name, us] of spent.sort((a, b) => b[1] - a[1])) {
    const each = Math.round(us / result.calls);
    if (each > 0) console.log(`| ${name} | ${each} |`);
  }
  for (const app of PROFILED) print(app, result.calls, from, to);
} finally {
  for (const step of undo.reverse()) await step();
}

function monotonic() {
  return Number(process.hrtime.bigint() / 1000n);
}

function print(app, calls, from, to) {
  const [file] = readdirSync(join(dir, app));
  const profile = JSON.parse(readFileSync(join(dir, app, file), 'utf8'));
  const { busyMs, parts, functions } = sumProfile(profile, from, to);
  console.log(`\n${app}: ${((busyMs * 1000) / calls).toFixed(0)} µs of processor time a call\n`);
  console.log('| part | share |\n|---|---|');
  for (const [name, ms] of parts.slice(0, 16)) console.log(`| ${name} | ${share(ms, busyMs)} |`);
  console.log('\n| function | where | share |\n|---|---|---|');
  for (const [name, ms] of functions.slice(0, 20)) {
    const [fn, where] = name.split(' @ ');
    console.log(`| \`${fn}\` | ${where} | ${share(ms, busyMs)} |`);
  }
}

function share(ms, all) {
  return `${((ms / all) * 100).toFixed(1)} %`;
}
