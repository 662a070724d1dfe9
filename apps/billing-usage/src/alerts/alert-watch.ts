import { setTimeout as sleep } from 'node:timers/promises';
import { checkAlerts, pruneAlerts, type AlertCheck, type Db } from '@conducktor/db';
import { seldom, type Logger } from '@conducktor/runtime';

const SECOND_MS = 1_000;
/** How often each is looked at. People are told a few seconds after that. */
const EVERY_MS: Record<AlertCheck, number> = {
  budgets: 15 * SECOND_MS,
  usage: 60 * SECOND_MS,
  connections: 60 * SECOND_MS,
};
const CHECKS = Object.keys(EVERY_MS) as AlertCheck[];
const PRUNE_EVERY_MS = 3_600 * SECOND_MS;
const PRUNED_AT_ONCE = 5_000;

/**
 * Looks at budgets, usage and connections of all workspaces, one after the other, and has people told. What was
 * told stands in the database, so one that dies or is started anew tells nothing twice, and of several running
 * at once one looks at a time.
 */
export class AlertWatch {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private readonly lastAt: Record<AlertCheck, number>;
  private prunedAt = 0;
  private readonly failed: ReturnType<typeof seldom>;
  /** Alerts that this process had people told of. */
  told = 0;

  constructor(private readonly deps: { db: Db; logger: Logger }) {
    this.failed = seldom((details, text) => deps.logger.warn(details, text));
    const now = performance.now();
    this.lastAt = { budgets: now, usage: now, connections: now };
  }

  start(): void {
    this.running = this.rounds();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Seconds since the check that is longest ago was last done, by this process or found done by another. */
  get ageSeconds(): number {
    return (performance.now() - Math.min(...Object.values(this.lastAt))) / SECOND_MS;
  }

  /** One look; returns of how many alerts people are told. */
  async check(check: AlertCheck): Promise<number> {
    const told = await checkAlerts(this.deps.db, check);
    this.lastAt[check] = performance.now();
    this.told += told;
    this.failed.over();
    if (told > 0) this.deps.logger.info({ check, told }, 'People are told of alerts');
    return told;
  }

  private async rounds(): Promise<void> {
    const nextAt: Record<AlertCheck, number> = { budgets: 0, usage: 0, connections: 0 };
    while (!this.stopping.signal.aborted) {
      for (const check of CHECKS) {
        if (this.stopping.signal.aborted || performance.now() < nextAt[check]) continue;
        nextAt[check] = performance.now() + EVERY_MS[check];
        await this.check(check).catch((error: unknown) =>
          this.failed.say(
            { err: error, check },
            'Alerts could not be looked for; it is tried again',
          ),
        );
      }
      await this.prune();
      const wait = Math.min(...Object.values(nextAt)) - performance.now();
      await sleep(Math.max(wait, 0), undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  private async prune(): Promise<void> {
    if (this.prunedAt > 0 && performance.now() - this.prunedAt < PRUNE_EVERY_MS) return;
    try {
      // As many as there can be: the rest with the next round.
      if ((await pruneAlerts(this.deps.db, PRUNED_AT_ONCE)) < PRUNED_AT_ONCE)
        this.prunedAt = performance.now();
    } catch (error) {
      this.failed.say({ err: error }, 'Old alerts could not be deleted; it is tried again');
    }
  }
}
