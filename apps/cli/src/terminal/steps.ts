import type { StackState } from '../stack/state.js';

const SILENT_MS = 10_000;

export interface StepPrinter {
  /** Shows what has changed since the last call. */
  show(state: StackState): void;
  /** Leaves the line of the running step. */
  clear(): void;
}

/** Prints the steps of a start: a live line on a terminal, plain lines in a log. */
export function createStepPrinter(out: NodeJS.WriteStream): StepPrinter {
  const finished = new Set<string>();
  const announced = new Map<string, number>();
  let live = false;

  const clear = () => {
    if (live) out.write('\r\u001b[K');
    live = false;
  };
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

  return {
    clear,
    show(state) {
      for (const step of state.steps) {
        if (finished.has(step.label)) continue;
        if (step.ms !== undefined) {
          clear();
          out.write(`✓ ${step.label} (${seconds(step.ms)})\n`);
          finished.add(step.label);
          continue;
        }
        const text = `… ${step.label}${step.note ? `: ${step.note}` : ''} (${Math.round((Date.now() - step.startedAt) / 1000)} s)`;
        if (out.isTTY) {
          out.write(`\r\u001b[K${text.slice(0, out.columns - 1)}`);
          live = true;
        } else if (Date.now() - (announced.get(step.label) ?? 0) >= SILENT_MS) {
          out.write(`${text}\n`);
          announced.set(step.label, Date.now());
        }
      }
    },
  };
}
