import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulationChangeView, SimulationView } from '@conducktor/contracts';
import type { StackOptions } from '../options.js';
import { table } from '../terminal/table.js';
import { openApi, type Api } from './api.js';
import { readPolicyFile } from './read-policy-file.js';
import type { Surroundings } from './surroundings.js';

const POLL_MS = 500;
/** Changed calls that are shown; the API has them all. */
const SHOWN = 20;

/**
 * Tries a policy on the recorded calls of a running Conducktor and shows what it would change. Ctrl-C
 * cancels it there. With --json: one line, the simulation as the API tells it and its first changes.
 */
export async function simulatePolicy(
  options: StackOptions,
  file: string,
  { env, out }: Surroundings,
): Promise<number> {
  const api = openApi(options, env);
  const started = await api<SimulationView>('POST', '/policies/simulate', {
    document: readPolicyFile(file, env),
    days: options.days,
  });
  const path = `/policies/simulations/${started.id}`;
  const cancel = () => void api('DELETE', path).catch(() => process.exit(130));
  process.once('SIGINT', cancel);
  const progress = options.json ? undefined : progressOn(out);
  try {
    const ended = await ending(api, path, progress?.show);
    progress?.done();
    const changes = await api<{ items: SimulationChangeView[] }>(
      'GET',
      `${path}/changes?limit=${options.json ? 200 : SHOWN}`,
    );
    out.write(
      options.json
        ? `${JSON.stringify({ simulation: ended, changes: changes.items })}\n`
        : `${describe(ended, changes.items)}\n`,
    );
    return ended.state === 'done' ? 0 : 1;
  } finally {
    process.off('SIGINT', cancel);
  }
}

async function ending(
  api: Api,
  path: string,
  show: ((view: SimulationView) => void) | undefined,
): Promise<SimulationView> {
  for (;;) {
    const view = await api<SimulationView>('GET', path);
    if (view.finishedAt !== null) return view;
    show?.(view);
    await sleep(POLL_MS);
  }
}

/** A live line on a terminal; a line every few seconds in a log. */
function progressOn(out: Surroundings['out']) {
  let shownAt = 0;
  return {
    show: ({ progress, totals }: SimulationView) => {
      if (!out.isTTY && Date.now() - shownAt < 5_000) return;
      shownAt = Date.now();
      const text = `… ${Math.floor(progress.share * 100)} %: ${totals.calls} calls, ${totals.changed} would change`;
      out.write(out.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
    },
    done: () => void (out.isTTY && out.write('\r\u001b[K')),
  };
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
