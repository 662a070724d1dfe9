// The measurement of `npm run bench`: a governed call beside bare ones, and beside an earlier checkout.
import { resolve } from 'node:path';
import { BUDGETS, requireCharged } from './budgets.mjs';
import { measureDiskShare } from './disk-share.mjs';
import { startPrivateStack } from './private-stack.mjs';
import { inTurn, round, warmUp } from './rounds.mjs';
import { median } from './stats.mjs';

const CONNECTIONS = [1, 16, 64];

/**
 * `against`: a built checkout; `budgets`: a name of BUDGETS; `start` starts one of our scripts for as long as the run.
 */
export async function measureGoverned(options) {
  const { base, quick, against, budgets, credential, say, start, undo } = options;
  if (budgets && !BUDGETS[budgets])
    throw new Error(`--budgets is ${Object.keys(BUDGETS).join(' or ')}.`);
  const bare = await startBare(base + 20, start);
  const upstreamUrl = `http://127.0.0.1:${base + 20}/mcp`;
  const workload = { credential, ...BUDGETS[budgets] };
  const stack = await startPrivateStack({
    base,
    upstreamUrl,
    workload: { ...workload, priced: budgets !== undefined },
    say,
  });
  undo.push(stack.stop);
  const before = against && (await startOther());
  const free = budgets && (await startFree());
  const load = await start('load.mjs');
  const subjects = {
    ...bare(stack.tokens),
    governed: stack,
    ...(before && { before }),
    ...(free && { free }),
  };
  await warmUp({ subjects, load });
  const samples = [];
  const rounds = quick ? 1 : 5;
  const pace = quick ? 'quick' : 'whole';
  for (const connections of CONNECTIONS) {
    say(`measuring at ${connections} connection${connections === 1 ? '' : 's'}`);
    samples.push(...(await inTurn({ subjects, load, connections, rounds, pace })));
  }
  const charged = budgets && (await requireCharged(stack.asAdmin, workload));
  say('measuring what the disk takes of it');
  const diskP50Ms = await measureDiskShare({ stack, load, rounds, pace });
  return { ...summarise(samples), ...(charged && { charged }), diskP50Ms, rounds };

  /** The same workload without prices. */
  async function startFree() {
    say('the same without prices and budgets');
    const other = await startPrivateStack({ base: base + 32, upstreamUrl, workload, say });
    undo.push(other.stop);
    return other;
  }

  /** The same workload on another checkout, with its own programs and its own Postgres and Redis. */
  async function startOther() {
    say(`the same from ${against}`);
    const root = resolve(against);
    const other = await startPrivateStack({ base: base + 32, root, upstreamUrl, workload, say });
    undo.push(other.stop);
    return other;
  }
}

/** Echo, one hop and two hops; returns the subjects once the tokens are known. */
async function startBare(port, start) {
  const servers = [
    ['servers/echo.mjs', [port]],
    ['servers/hop.mjs', [port + 1, `http://127.0.0.1:${port}`]],
    ['servers/hop.mjs', [port + 2, `http://127.0.0.1:${port + 1}`]],
  ];
  for (const [script, args] of servers) await start(script, args.map(String));
  return (tokens) => {
    const at = (n) => ({ host: '127.0.0.1', port: port + n, path: '/mcp', tool: 'echo', tokens });
    return { direct: at(0), 'one hop': at(1), 'two hops': at(2) };
  };
}

function summarise(samples) {
  const figures = {};
  const ratio = {};
  const addedP50Ms = {};
  const toBefore = {};
  const toFree = {};
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
    if (of('before', 'perSecond').length > 0)
      toBefore[connections] = round(pair('perSecond', 'before', (ours, theirs) => ours / theirs));
    if (of('free', 'perSecond').length > 0)
      toFree[connections] = round(pair('perSecond', 'free', (ours, theirs) => ours / theirs));
  }
  return {
    ratio,
    ...(Object.keys(toBefore).length > 0 && { toBefore }),
    ...(Object.keys(toFree).length > 0 && { toFree }),
    addedP50Ms,
    figures,
  };
}

export function printGoverned(report, say) {
  const { figures, ratio, toBefore, toFree, charged, addedP50Ms, diskP50Ms } = report;
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
  if (toFree) {
    say(`calls per second with budgets to without: ${JSON.stringify(toFree)}`);
    say(`${charged.micros} micros charged at each level of ${charged.accounts} accounts together`);
  }
  if (toBefore) say(`calls per second now to before: ${JSON.stringify(toBefore)}`);
  say(
    `governed adds ${addedP50Ms[1]} ms to p50 at one connection, ${diskP50Ms} ms of it for waiting on the disk`,
  );
}
