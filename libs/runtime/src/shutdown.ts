import type { Logger } from './logger.js';

type Step = { name: string; run: () => Promise<void> | void };
const steps: Step[] = [];
let stopping: Promise<void> | undefined;

/** Registers what a process does when asked to end; steps run in reverse order of registration. */
export function onShutdown(name: string, run: () => Promise<void> | void): void {
  steps.push({ name, run });
}

/** Runs all steps once, each in turn, and forgets them. Errors are logged and do not stop the rest. */
export function shutdown(logger: Logger): Promise<void> {
  stopping ??= (async () => {
    for (const step of steps.splice(0).reverse()) {
      try {
        await step.run();
      } catch (error) {
        logger.error({ err: error, step: step.name }, 'A shutdown step failed');
      }
    }
  })();
  return stopping;
}

/** Ends the process on SIGTERM and SIGINT, after the steps, at most `limitMs` later; a second signal ends it at once. */
export function endOnSignals(logger: Logger, limitMs: number): void {
  const end = (reason: string) => {
    logger.info({ reason }, 'Stopping');
    setTimeout(() => process.exit(1), limitMs).unref();
    void shutdown(logger).then(() => process.exit(0));
  };
  process.once('SIGTERM', () => end('SIGTERM'));
  process.once('SIGINT', () => end('SIGINT'));
}
