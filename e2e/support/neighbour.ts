import { readFileSync } from 'node:fs';
import { rawCall } from '@conducktor/testing';
import { unitsOf } from './stack.js';
import type { World } from './world.js';

/** Somebody else's honest calls, on the same worker and gateway, while others misbehave. */
export class Neighbour {
  readonly latencies: number[] = [];
  readonly failures: string[] = [];
  #stopped = false;
  readonly #loop: Promise<void>;

  constructor(
    readonly world: World,
    readonly pauseMs = 25,
  ) {
    this.#loop = this.#run();
  }

  /** Ends the calls and says what they met. */
  async stop(): Promise<{ calls: number; p50: number; max: number }> {
    this.#stopped = true;
    await this.#loop;
    const sorted = this.latencies.toSorted((a, b) => a - b);
    const round = (ms = 0) => Math.round(ms);
    return {
      calls: sorted.length,
      p50: round(sorted[Math.floor(sorted.length / 2)]),
      max: round(sorted.at(-1)),
    };
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const message = `neighbour ${n}`;
      const started = performance.now();
      const answer = await rawCall(
        this.world.mcp,
        'rec_echo',
        { message },
        { token: this.world.workspace.member.apiKey, signal: AbortSignal.timeout(20_000) },
      ).catch((error: Error) => ({ text: error.message, message: undefined }));
      this.latencies.push(performance.now() - started);
      if (answer.message?.result?.content?.[0]?.text !== message) this.failures.push(answer.text);
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
    }
  }
}

/** Resident memory of services of the stack in MB, now and at its highest while it was watched. */
export class MemoryWatch {
  readonly before: Record<string, number>;
  readonly peak: Record<string, number>;
  readonly #timer: NodeJS.Timeout;

  constructor(
    readonly dataDir: string,
    readonly services = ['gateway', 'connector-worker', 'control'],
  ) {
    this.before = this.now();
    this.peak = { ...this.before };
    this.#timer = setInterval(() => this.#look(), 100).unref();
  }

  now(): Record<string, number> {
    const units = unitsOf(this.dataDir);
    return Object.fromEntries(
      this.services.map((name) => [
        name,
        residentMb(units.find((unit) => unit.name === name)!.pid!),
      ]),
    );
  }

  /** In MB: by how much the service that grew most was larger at its highest, and all of it in words. */
  stop(): { largestMb: number; words: string } {
    clearInterval(this.#timer);
    this.#look();
    const { before, peak } = this;
    return {
      largestMb: Math.max(...this.services.map((name) => peak[name]! - before[name]!)),
      words: this.services.map((name) => `${name} ${before[name]} → ${peak[name]} MB`).join(', '),
    };
  }

  #look(): void {
    const now = this.now();
    for (const name of this.services) this.peak[name] = Math.max(this.peak[name]!, now[name]!);
  }
}

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1024);
}
