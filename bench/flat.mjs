import { startPrivateStack } from './private-stack.mjs';
import { inTurn, round, warmUp } from './rounds.mjs';
import { median } from './stats.mjs';

const CONNECTIONS = [16, 64];

/** Few and many of one thing at a time; calls are spread over all workspaces. */
const PAIRS = {
  workspaces: [{ workspaces: 10 }, { workspaces: 1000 }],
  rules: [{ rules: 10 }, { rules: 200 }],
  'mixed-50': [
    { rules: 10, mixed: true },
    { rules: 50, mixed: true },
  ],
  'mixed-200': [
    { rules: 10, mixed: true },
    { rules: 200, mixed: true },
  ],
  tools: [
    { connections: 2, tools: 10 },
    { connections: 20, tools: 5000, workspaces: 20 },
  ],
};

/** What many cost: calls a second with few over calls a second with many, both in the same run. */
export async function measureFlat({ base, quick, only, say, start, undo }) {
  await start('servers/echo.mjs', [String(base + 20)]);
  const load = await start('load.mjs');
  const factor = {};
  const perSecond = {};
  const rounds = quick ? 1 : 3;
  for (const [what, [few, many]] of Object.entries(PAIRS)) {
    if (only && only !== what) continue;
    const subjects = {};
    for (const [name, workload] of Object.entries({ few, many })) {
      say(`${name} ${what}: ${JSON.stringify(workload)}`);
      const own = base + (name === 'few' ? 0 : 32);
      const upstreamUrl = `http://127.0.0.1:${base + 20}/mcp`;
      subjects[name] = await startPrivateStack({ base: own, upstreamUrl, workload, say });
      undo.push(subjects[name].stop);
    }
    // Every workspace's snapshot is loaded, and every token verified.
    await warmUp({ subjects, load, durationMs: 4000 });
    factor[what] = {};
    perSecond[what] = {};
    for (const connections of CONNECTIONS) {
      const samples = await inTurn({ subjects, load, connections, rounds });
      const of = (name) => samples.filter((s) => s.name === name).map((s) => s.perSecond);
      const lots = of('many');
      factor[what][connections] = round(median(of('few').map((each, i) => each / lots[i])));
      perSecond[what][connections] = {
        few: Math.round(median(of('few'))),
        many: Math.round(median(lots)),
      };
    }
    say(`${what}: ${JSON.stringify(factor[what])}`);
    for (const { stop } of Object.values(subjects)) await stop();
  }
  return { factor, perSecond, rounds };
}

export function printFlat({ factor, perSecond }, say) {
  say('');
  say('many of          connections  few/s  many/s  few/many');
  for (const [what, byConnections] of Object.entries(perSecond))
    for (const [connections, { few, many }] of Object.entries(byConnections))
      say(
        [
          what.padEnd(16),
          connections.padStart(11),
          String(few).padStart(6),
          String(many).padStart(7),
          factor[what][connections].toFixed(2).padStart(9),
        ].join(' '),
      );
}
