// What governance costs (`npm run bench`), always as a ratio to something else of the same run.
//
//   (nothing)  a governed call to two bare hops, five pairs at 1, 16 and 64 connections
//   --against DIR   … and a built checkout beside this one, as `before`: what a change costs
//   --budgets one-row|many-rows   … with every call priced from its arguments and reserved at three budgets,
//              and the same without beside it (`free`)
//   --keys     … callers show API keys instead of access tokens
//   --list     `tools/list` with 500 tools of 20 connections to a bare server that sends the same bytes
//   --flat     calls with 1,000 workspaces to 10, with 200 rules to 10, with 50 and with 200 rules of all
//              kinds to 10, with 5,000 tools to 10 (--only workspaces|rules|mixed-50|mixed-200|tools)
//   --memory   resident memory and heap of each service under steady load (--minutes N, --rate N)
//   --overload four times the load that can be sustained, for a minute, and the way back
//   --simulation   a policy tried on recorded calls (--calls N): time, memory, what other requests notice
//   --history N    N recorded calls: how soon usage is answered, what calls and posting notice of them
//   --retention    a month of events leaves among many (--calls N, an outcome each): how long it takes, and
//              what calls notice of it
//   --quick    one short round instead of five pairs
//   --json     prints one JSON object
//   --port N   first of 48 ports to use (free ones are looked for)
import { freePortBlock } from '@conducktor/testing';
import { measureFlat, printFlat } from './flat.mjs';
import { measureGoverned, printGoverned } from './governed.mjs';
import { measureHistory, printHistory } from './history.mjs';
import { measureList, printList } from './list.mjs';
import { measureMemory, printMemory } from './memory.mjs';
import { measureOverload, printOverload } from './overload.mjs';
import { startScript } from './processes.mjs';
import { measureRetention, printRetention } from './retention.mjs';
import { measureSimulation, printSimulation } from './simulation.mjs';

const has = (flag) => process.argv.includes(flag);
const valueOf = (flag, otherwise) =>
  has(flag) ? process.argv[process.argv.indexOf(flag) + 1] : otherwise;
const json = has('--json');
const say = (sentence) => (json ? process.stderr : process.stdout).write(`${sentence}\n`);

const [measure, print] = has('--list')
  ? [measureList, printList]
  : has('--flat')
    ? [measureFlat, printFlat]
    : has('--memory')
      ? [measureMemory, printMemory]
      : has('--overload')
        ? [measureOverload, printOverload]
        : has('--simulation')
          ? [measureSimulation, printSimulation]
          : has('--history')
            ? [measureHistory, printHistory]
            : has('--retention')
              ? [measureRetention, printRetention]
              : [measureGoverned, printGoverned];

const started = performance.now();
const undo = [];
try {
  const figures = await measure({
    base: Number(valueOf('--port', 0)) || (await freePortBlock(48)),
    quick: has('--quick'),
    against: valueOf('--against'),
    budgets: valueOf('--budgets'),
    credential: has('--keys') ? 'key' : 'token',
    minutes: Number(valueOf('--minutes', 10)),
    rate: Number(valueOf('--rate', 400)),
    calls: Number(valueOf('--calls', 100_000)),
    history: Number(valueOf('--history', 1_000_000)),
    only: valueOf('--only'),
    say,
    undo,
    start: async (script, args) => {
      const running = await startScript(script, args);
      undo.push(running.stop);
      return running;
    },
  });
  const report = {
    ...figures,
    seconds: Math.round((performance.now() - started) / 1000),
    machine: { node: process.version, cores: navigator.hardwareConcurrency ?? 0 },
  };
  if (json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    print(report, say);
    const { rounds, seconds, machine } = report;
    const each = rounds === undefined ? '' : `median of ${rounds} rounds, `;
    say(`${each}${seconds} s, Node ${machine.node}, ${machine.cores} cores`);
  }
} finally {
  for (const step of undo.reverse()) await step();
}
