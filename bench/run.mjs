// What governance costs, as a ratio to two bare hops of the same run (`npm run bench`).
//
//   --quick    one short round instead of five pairs
//   --against DIR   measures a built checkout beside this one, as `before`: what a change costs
//   --keys     callers show API keys instead of access tokens
//   --json     prints one JSON object; `ratio` maps connections to governed / two bare hops
//   --port N   first of 48 ports to use (free ones are looked for)
//
// Subjects take turns within each round, so that a slow minute of the machine hits all of them; each
// figure is the median of its rounds. Absolute figures depend on the machine and are not asserted.
import { resolve } from 'node:path';
import { freePortBlock } from '@conducktor/testing';
import { startPrivateStack } from './private-stack.mjs';
import { startScript } from './processes.mjs';
import { median } from './stats.mjs';

const has = (flag) => process.argv.includes(flag);
const quick = has('--quick');
const against = has('--against') && resolve(process.argv[process.argv.indexOf('--against') + 1]);
const json = has('--json');
const workload = { credential: has('--keys') ? 'key' : 'token' };
const base = has('--port')
  ? Number(process.argv[process.argv.indexOf('--port') + 1])
  : await freePortBlock(48);
const say = (sentence) => (json ? process.stderr : process.stdout).write(`${sentence}\n`);

const CONNECTIONS = [1, 16, 64];
const ROUNDS = quick ? 1 : 5;
const WARMUP_MS = quick ? 300 : 400;
const DURATION_MS = quick ? 1500 : 2400;

const started = performance.now();
const undo = [];
try {
  const report = await measure();
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else print(report);
} finally {
  for (const step of undo.reverse()) await step();
}

async function measure() {
  const bare = await startBare(base + 20);
  const stack = await startPrivateStack({
    base,
    upstreamUrl: `http://127.0.0.1:${base + 20}/mcp`,
    workload,
    say,
  });
  undo.push(stack.stop);
  const before =
    against && (await startOther(against, base + 32, `http://127.0.0.1:${base + 20}/mcp`));
  const load = await startScript('load.mjs');
  undo.push(load.stop);
  const subjects = { ...bare(stack.tokens), governed: stack, ...(before && { before }) };
  for (const subject of Object.values(subjects)) {
    // Compiled code and full caches before anything counts.
    await load.ask({ ...target(subject), connections: 16, warmupMs: 0, durationMs: 1500 });
  }
  const samples = [];
  for (const connections of CONNECTIONS) {
    say(`measuring at ${connections} connection${connections === 1 ? '' : 's'}`);
    for (let round = 0; round < ROUNDS; round++) {
      const names = Object.keys(subjects);
      if (round % 2 === 1) names.reverse();
      for (const name of names) {
        const result = await load.ask({
          ...target(subjects[name]),
          connections,
          warmupMs: WARMUP_MS,
          durationMs: DURATION_MS,
        });
        if (result.errors > 0) {
          throw new Error(`${name} answered ${result.errors} times wrongly: ${result.firstError}`);
        }
        samples.push({ name, connections, round, ...result });
      }
    }
  }
  return summarise(samples);
}

/** The same workload on another checkout, with its own programs and its own Postgres and Redis. */
async function startOther(root, port, upstreamUrl) {
  say(`the same from ${root}`);
  const stack = await startPrivateStack({ base: port, root, upstreamUrl, workload, say });
  undo.push(stack.stop);
  return stack;
}

/** Echo, one hop and two hops; returns the subjects once the tokens are known. */
async function startBare(port) {
  const servers = [
    ['servers/echo.mjs', [port]],
    ['servers/hop.mjs', [port + 1, `http://127.0.0.1:${port}`]],
    ['servers/hop.mjs', [port + 2, `http://127.0.0.1:${port + 1}`]],
  ];
  for (const [script, args] of servers) {
    const server = await startScript(script, args.map(String));
    undo.push(server.stop);
  }
  return (tokens) => {
    const at = (n) => ({ host: '127.0.0.1', port: port + n, path: '/mcp', tool: 'echo', tokens });
    return { direct: at(0), 'one hop': at(1), 'two hops': at(2) };
  };
}

function target({ host, port, path, tool, tokens }) {
  return { host, port, path, tool, tokens };
}

function summarise(samples) {
  const figures = {};
  const ratio = {};
  const addedP50Ms = {};
  const toBefore = {};
  for (const connections of CONNECTIONS) {
    const of = (name, field) =>
      samples.filter((s) => s.name === name && s.connections === connections).map((s) => s[field]);
    figures[connections] = Object.fromEntries(
      [...new Set(samples.map((s) => s.name))].map((name) => [
        name,
        {
          perSecond: Math.round(median(of(name, 'perSecond'))),
          p50Ms: round(median(of(name, 'p50'))),
          p99Ms: round(median(of(name, 'p99'))),
        },
      ]),
    );
    // Paired: each round's governed figure against the same round's two hops.
    const pair = (field, other, join) =>
      median(of('governed', field).map((value, i) => join(value, of(other, field)[i])));
    ratio[connections] = round(pair('perSecond', 'two hops', (ours, theirs) => ours / theirs));
    addedP50Ms[connections] = round(pair('p50', 'two hops', (ours, theirs) => ours - theirs));
    if (against)
      toBefore[connections] = round(pair('perSecond', 'before', (ours, theirs) => ours / theirs));
  }
  return {
    ratio,
    ...(against && { toBefore }),
    addedP50Ms,
    figures,
    rounds: ROUNDS,
    seconds: Math.round((performance.now() - started) / 1000),
    machine: { node: process.version, cores: navigator.hardwareConcurrency ?? 0 },
  };
}

function round(value) {
  return Math.round(value * 1000) / 1000;
}

function print({ figures, ratio, toBefore, addedP50Ms, rounds, seconds, machine }) {
  say('');
  say(`connections  subject     calls/s    p50 ms    p99 ms   of two hops`);
  for (const connections of CONNECTIONS) {
    for (const [name, row] of Object.entries(figures[connections])) {
      const share =
        name === 'governed'
          ? ratio[connections]
          : row.perSecond / figures[connections]['two hops'].perSecond;
      say(
        [
          String(connections).padStart(11),
          ` ${name.padEnd(9)}`,
          String(row.perSecond).padStart(9),
          row.p50Ms.toFixed(2).padStart(9),
          row.p99Ms.toFixed(2).padStart(9),
          share.toFixed(2).padStart(13),
        ].join(' '),
      );
    }
  }
  say('');
  if (toBefore) say(`calls per second now to before: ${JSON.stringify(toBefore)}`);
  say(
    `governed adds ${addedP50Ms[1]} ms to p50 at one connection; median of ${rounds} rounds, ${seconds} s, Node ${machine.node}, ${machine.cores} cores`,
  );
}
