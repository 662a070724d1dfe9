import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startPrivateStack } from './private-stack.mjs';
import { round } from './rounds.mjs';
import { lineThrough } from './stats.mjs';

const SERVICES = ['gateway', 'auth', 'control', 'connector-worker', 'audit', 'billing-usage'];
const CONNECTIONS = 16;
const WORKSPACES = 50;
const MB = 1024 * 1024;
const PROGRESS_MS = 5 * 60_000;
/** Caches fill and code is compiled first: this much of the run is not in the line. */
const SETTLING = 0.3;
/** Growth that an hour may have, of the mean; and less than the line's own uncertainty is none at all. */
const LEVEL = 0.05;

/** Memory of each service under a steady load: a line through it, in MB an hour, and whether it is level. */
export async function measureMemory({ base, minutes, rate, say, start, undo }) {
  await start('servers/echo.mjs', [String(base + 20)]);
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-memory-'));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  const fileOf = (app) => join(dir, `${app}.jsonl`);
  const probe = pathToFileURL(join(import.meta.dirname, 'report-memory.mjs'));
  const stack = await startPrivateStack({
    base,
    upstreamUrl: `http://127.0.0.1:${base + 20}/mcp`,
    workload: { workspaces: WORKSPACES },
    nodeArgs: Object.fromEntries(
      SERVICES.map((app) => [
        app,
        ['--expose-gc', '--import', `${probe}?file=${encodeURIComponent(fileOf(app))}`],
      ]),
    ),
    say,
  });
  undo.push(stack.stop);
  const load = await start('load.mjs');
  say(`${minutes} minutes of ${rate} calls a second`);
  const { host, port, path, tool, tokens } = stack;
  const target = { host, port, path, tool, tokens, connections: CONNECTIONS, rate, warmupMs: 0 };
  const progress = setInterval(() => say(soFar(fileOf)), PROGRESS_MS);
  const result = await load
    .ask({ ...target, durationMs: minutes * 60_000 })
    .finally(() => clearInterval(progress));
  if (result.errors > 0) throw new Error(`${result.errors} wrong answers: ${result.firstError}`);
  const services = Object.fromEntries(SERVICES.map((app) => [app, trends(fileOf(app))]));
  return {
    minutes,
    calls: result.calls,
    perSecond: Math.round(result.perSecond),
    services,
    isLevel: Object.values(services).every(({ rss, heap }) => rss.isLevel && heap.isLevel),
  };
}

function soFar(fileOf) {
  const last = SERVICES.map((app) => [app, samplesOf(fileOf(app)).at(-1)]);
  const shown = last.map(([app, sample]) => `${app} ${sample ? round(sample.rss / MB) : '–'}`);
  return `${new Date().toISOString().slice(11, 16)} MB in use: ${shown.join(', ')}`;
}

function samplesOf(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
}

function trends(file) {
  const samples = samplesOf(file);
  const counted = samples.slice(Math.floor(samples.length * SETTLING));
  return { rss: trend(counted, 'rss'), heap: trend(counted, 'heap') };
}

/** `perHour` in MB with its standard error; level: at most 5 % of the mean an hour, or not told from 0. */
export function trend(samples, field) {
  const points = samples.map((sample) => [sample.at / 3_600_000, sample[field] / MB]);
  const { slope, error, mean } = lineThrough(points);
  return {
    first: round(points[0][1]),
    last: round(points.at(-1)[1]),
    mean: round(mean),
    perHour: round(slope),
    error: round(error),
    isLevel: slope <= LEVEL * mean || slope < 2 * error,
  };
}

export function printMemory({ minutes, calls, perSecond, services, isLevel }, say) {
  say('');
  say(
    `${calls} calls in ${minutes} minutes, ${perSecond} a second; MB, the first ${SETTLING * 100} % left out`,
  );
  say('service            of      first    last    an hour   ± error');
  for (const [app, each] of Object.entries(services))
    for (const [what, { first, last, perHour, error, isLevel: ok }] of Object.entries(each))
      say(
        [
          app.padEnd(18),
          what.padEnd(5),
          first.toFixed(1).padStart(7),
          last.toFixed(1).padStart(7),
          perHour.toFixed(1).padStart(10),
          error.toFixed(1).padStart(9),
          ok ? '  level' : '  GROWS',
        ].join(' '),
      );
  say(isLevel ? 'level' : 'not level');
}
