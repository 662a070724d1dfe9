import type { SimulationChangeView, SimulationView } from '@conducktor/contracts';
import { EmbeddedError } from '@conducktor/embedded';
import type { StackOptions } from '../options.js';
import { table } from '../terminal/table.js';
import { ApiError, openApi, type Api } from './api.js';
import { onInterrupt } from './interrupt.js';
import { readPolicyFile } from './read-policy-file.js';
import type { Surroundings } from './surroundings.js';
import { patiently, progressOn, watchSimulation } from './watch-simulation.js';

/** Changed calls that are shown; the API has them all. */
const SHOWN = 20;
const INTERRUPTED = 130;

/**
 * Tries a policy on the recorded calls of a running Conducktor and shows what it would change. Ctrl-C
 * cancels it there. With --json: one line, the simulation as the API tells it and its first changes.
 */
export async function simulatePolicy(
  options: StackOptions,
  file: string,
  surroundings: Surroundings,
): Promise<number> {
  const { env, out } = surroundings;
  const api = openApi(options, env);
  const { tool, member } = options;
  const started = await start(api, {
    document: readPolicyFile(file, env),
    days: options.days,
    ...(tool === undefined ? {} : { tool }),
    ...(member === undefined ? {} : { member }),
  });
  const path = `/policies/simulations/${started.id}`;
  const interrupt = onInterrupt(
    surroundings,
    'Stop the simulation? It goes on meanwhile, and otherwise. [y/N] ',
  );
  try {
    const ended = await watchSimulation(api, path, {
      interrupt,
      progress: options.json ? undefined : progressOn(out),
    });
    const limit = options.json ? 200 : SHOWN;
    const changes = await patiently(() =>
      api<{ items: SimulationChangeView[] }>('GET', `${path}/changes?limit=${limit}`),
    );
    out.write(
      options.json
        ? `${JSON.stringify({ simulation: ended, changes: changes.items })}\n`
        : `${describe(ended, changes.items)}\n`,
    );
    if (interrupt.wanted) return INTERRUPTED;
    return ended.state === 'done' ? 0 : 1;
  } finally {
    interrupt.end();
  }
}

function start(api: Api, asked: object): Promise<SimulationView> {
  return api<SimulationView>('POST', '/policies/simulate', asked).catch((error: unknown) => {
    const other = error instanceof ApiError ? error.problem['simulation'] : undefined;
    if (typeof other !== 'string') throw error;
    throw new EmbeddedError(
      `${(error as Error).message} DELETE /api/v1/policies/simulations/${other} cancels it.`,
    );
  });
}

function describe(view: SimulationView, changes: readonly SimulationChangeView[]): string {
  const { totals, days, state } = view;
  return [
    `${totals.judged} of ${totals.calls} calls of the last ${days} days were decided again; ${totals.changed} would change.`,
    ...(state === 'done' ? [] : [`It did not come to its end: ${view.error ?? state}.`]),
    ...totals.changes.map(({ from, to, calls }) => `  ${calls} from ${from} to ${to}`),
    ...totals.notJudged.map(({ calls, sentence }) => `  ${calls} cannot be judged. ${sentence}`),
    ...counts(
      'rule',
      view.rules.map(({ rule, ...rest }) => ({ name: rule ?? '(default)', ...rest })),
    ),
    ...counts(
      'tool',
      view.tools.map(({ tool, ...rest }) => ({ name: tool, ...rest })),
    ),
    ...counts(
      'person',
      view.people.map(({ email, memberId, ...rest }) => ({ name: email ?? memberId, ...rest })),
    ),
    ...(changes.length === 0 ? [] : ['', callByCall(changes)]),
    ...(view.changesKept > changes.length
      ? [
          `  and ${view.changesKept - changes.length} more: GET /api/v1/policies/simulations/${view.id}/changes`,
        ]
      : []),
    '',
    ...view.basis.map((sentence) => `  ${sentence}`),
  ].join('\n');
}

function counts(
  what: string,
  all: readonly { name: string; calls: number; changed: number }[],
): string[] {
  const rows = all
    .slice(0, SHOWN)
    .map(({ name, calls, changed }) => [name, String(calls), String(changed)]);
  return rows.length === 0 ? [] : ['', table([what, 'calls', 'would change'], rows)];
}

function callByCall(changes: readonly SimulationChangeView[]): string {
  return table(
    ['when', 'who', 'tool', 'then', 'now', 'by'],
    changes.map(({ at, email, memberId, tool, calls, was, now }) => [
      at.replace(/\.\d+Z$/, 'Z'),
      email ?? memberId ?? '',
      calls > 1 ? `${tool} (${calls} calls)` : (tool ?? ''),
      was.effect,
      now.effect,
      now.rule ?? '(default)',
    ]),
  );
}
