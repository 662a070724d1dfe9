import { randomUUID } from 'node:crypto';
import {
  advanceSimulation,
  claimSimulation,
  failSimulation,
  releaseSimulation,
} from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { runStep } from './run-step.js';
import { takeUp, type SimulationDeps } from './simulation.js';

const POLL_MS = 5_000;
/** A step takes far less. A process that is killed keeps a simulation for so long. */
const LEASE_SECONDS = 30;
const MOST_ATTEMPTS = 5;
const GIVEN_UP = 'Something in the recorded calls cannot be read. Look into the log of control.';

/**
 * Runs what simulations there are, of all workspaces, one at a time in a process: each in steps, stored
 * one by one, so that a process that stops or is killed loses one step, and any other goes on.
 */
export class SimulationRunner {
  private readonly worker = randomUUID();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopping = false;

  constructor(private readonly deps: SimulationDeps & { logger: Logger }) {}

  /** Looks for one now and every few seconds. */
  start(): void {
    this.timer = setInterval(() => this.kick(), POLL_MS);
    this.timer.unref();
    this.kick();
  }

  /** There may be one. */
  kick(): void {
    if (this.stopping) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.work().finally(() => {
      this.running = undefined;
      if (this.again) {
        this.again = false;
        this.kick();
      }
    });
  }

  /** Ends after the step under way, and gives the simulation back. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.running;
  }

  private async work(): Promise<void> {
    try {
      while (!this.stopping) {
        const claimed = await claimSimulation(this.deps.db, this.worker, LEASE_SECONDS);
        if (!claimed) return;
        if (claimed.attempts > MOST_ATTEMPTS) await this.giveUp(claimed);
        else await this.run(claimed);
      }
    } catch (error) {
      // Whose lease ends is taken up again.
      this.deps.logger.warn({ err: error }, 'A simulation of a policy was interrupted');
    }
  }

  private async run({ tenantId, id }: { tenantId: string; id: string }): Promise<void> {
    const simulation = await takeUp(this.deps, tenantId, id);
    if (!simulation) return;
    const { row, totals, seen } = simulation;
    const { db } = this.deps;
    while (!this.stopping) {
      const step = await runStep(this.deps, simulation);
      const stored = {
        ...step,
        totals: totals.stored(),
        seen: seen?.entries() ?? [],
        leaseSeconds: LEASE_SECONDS,
      };
      const hold = { id, worker: this.worker, cursorSeq: row.cursorSeq };
      const mine = await db.withTenant(tenantId, (tx) => advanceSimulation(tx, hold, stored));
      if (!mine || step.finished) return;
      row.cursorSeq = step.cursorSeq;
      row.changes += step.changes.length;
    }
    await db.withTenant(tenantId, (tx) => releaseSimulation(tx, { id, worker: this.worker }));
  }

  private async giveUp({ tenantId, id }: { tenantId: string; id: string }): Promise<void> {
    this.deps.logger.error({ simulation: id }, 'A simulation of a policy failed again and again');
    await this.deps.db.withTenant(tenantId, (tx) =>
      failSimulation(tx, { id, worker: this.worker }, GIVEN_UP),
    );
  }
}
