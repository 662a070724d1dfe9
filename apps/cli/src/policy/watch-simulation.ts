import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulationView } from '@conducktor/contracts';
import { ApiError, type Api } from './api.js';
import type { Interrupt } from './interrupt.js';
import type { Surroundings } from './surroundings.js';

const POLL_MS = 500;
const LOG_EVERY_MS = 5_000;
/** For how long nobody need answer: a service that was killed is back long before. */
const PATIENCE_MS = 120_000;

export interface Progress {
  show(text: string): void;
  done(): void;
}

/**
 * Looks at a simulation until it has ended. It goes on when the service that works on it is started again,
 * and so does this. Once `interrupt` says so it is cancelled, and has ended by that.
 */
export async function watchSimulation(
  api: Api,
  path: string,
  { interrupt, progress }: { interrupt: Interrupt; progress: Progress | undefined },
): Promise<SimulationView> {
  const show = (text: string) => !interrupt.asking && progress?.show(text);
  let cancelled = false;
  try {
    for (;;) {
      if (interrupt.wanted && !cancelled) {
        await patiently(() => api('DELETE', path), show);
        cancelled = true;
      }
      const view = await patiently(() => api<SimulationView>('GET', path), show);
      if (view.finishedAt !== null) return view;
      show(
        `${Math.floor(view.progress.share * 100)} %: ${view.totals.calls} calls, ${view.totals.changed} would change`,
      );
      await sleep(POLL_MS);
    }
  } finally {
    progress?.done();
  }
}

/** Asks again while nobody answers, as when a service is started again. */
export async function patiently<Answer>(
  ask: () => Promise<Answer>,
  tell?: (text: string) => void,
): Promise<Answer> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing) || Date.now() > until) throw error;
      tell?.(`waiting: ${error.message}`);
      await sleep(POLL_MS);
    }
  }
}

/** A live line on a terminal; a line every few seconds in a log. */
export function progressOn(out: Surroundings['out']): Progress {
  let shownAt = 0;
  return {
    show: (text) => {
      if (!out.isTTY && Date.now() - shownAt < LOG_EVERY_MS) return;
      shownAt = Date.now();
      out.write(out.isTTY ? `\r\u001b[K… ${text}` : `… ${text}\n`);
    },
    done: () => void (out.isTTY && out.write('\r\u001b[K')),
  };
}
