import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Job, Pulse } from './ledger.ts';

/** The generator process, as the run sees it. */
export class Load {
  #pulse: Pulse = { calls: 0, ok: 0, lastOk: {} };
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #pairs: string[];

  constructor(job: Job) {
    this.#pairs = job.gateways.flatMap((_, gateway) =>
      job.tenants.map((__, tenant) => `${gateway}/${tenant}`),
    );
    this.#child = fork(join(import.meta.dirname, 'generator.ts'), {
      execPath: process.execPath,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#child.on('message', (pulse: Pulse) => (this.#pulse = pulse));
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.send(job);
  }

  get calls(): number {
    return this.#pulse.calls;
  }

  get ok(): number {
    return this.#pulse.ok;
  }

  /**
   * Waits until every workspace has had a call through every gateway that was sent after `since` and
   * succeeded. Returns when that was so, undefined when it was not within `limitMs`.
   */
  async untilAllFlow(since: number, limitMs: number): Promise<number | undefined> {
    const until = Date.now() + limitMs;
    for (;;) {
      if (this.missing(since).length === 0) return Date.now();
      if (Date.now() > until) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  /** `gateway/tenant` pairs without such a call. */
  missing(since: number): string[] {
    return this.#pairs.filter((pair) => (this.#pulse.lastOk[pair] ?? 0) <= since);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.connected) this.#child.send('stop');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 30_000);
    await this.#ended;
    clearTimeout(timer);
  }
}
