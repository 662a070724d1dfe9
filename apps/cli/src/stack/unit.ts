import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { EmbeddedError, type Exit } from '@conducktor/embedded';
import type { Logger } from '@conducktor/runtime';
import type { UnitStatus, UnitView } from './state.js';

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** A run of this length forgives earlier failures. */
const STEADY_MS = 30_000;
/** Tries before a unit that was never ready fails the start. */
const FIRST_TRIES = 3;
const PROBE_INTERVAL_MS = 5_000;
/** Unanswered probes in a row until a unit that still runs is taken for hung. */
const MAX_MISSED_PROBES = 6;

const READY_TIMEOUT_MS = 60_000;

/** Worth another try, unlike what will be the same next time. */
class EndedEarly extends EmbeddedError {}

export interface Running {
  pid: number;
  exited: Promise<Exit>;
  stop(): Promise<unknown>;
}

export interface UnitSpec {
  name: string;
  port: number;
  log: string;
  /** Starts the program once. */
  start(): Promise<Running>;
  /** Why it cannot serve yet, or undefined when it can. Without this, a started unit is a ready unit. */
  notReady?(): Promise<string | undefined>;
  /** True when it answers at all; asked while it runs. */
  alive?(): Promise<boolean>;
}

export interface Unit {
  readonly view: UnitView;
  /** Resolves when it is ready for the first time; from then on it is kept running. */
  start(): Promise<void>;
  /** Ends it for a new one, as after a change of its code. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** One supervised program: started, watched, started again with exponential backoff when it ends. */
export function createUnit(spec: UnitSpec, deps: { logger: Logger; onChange: () => void }): Unit {
  const view: UnitView = {
    name: spec.name,
    status: 'stopped',
    pid: null,
    port: spec.port,
    restarts: 0,
    log: spec.log,
  };
  let running: Running | undefined;
  let stopping = false;
  let failures = 0;
  let starting: Promise<void> | undefined;

  const show = (status: UnitStatus, pid: number | null) => {
    view.status = status;
    view.pid = pid;
    deps.onChange();
  };

  function startOnce(): Promise<void> {
    starting = tryToStart();
    return starting;
  }

  async function tryToStart(): Promise<void> {
    running = await spec.start();
    const mine = running;
    if (stopping) await mine.stop();
    show(view.restarts > 0 ? 'restarting' : 'starting', mine.pid);
    let ended = false;
    void mine.exited.then(() => (ended = true));
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const why = await spec.notReady?.();
      if (ended)
        throw new EndedEarly(
          `${spec.name} ended while it started: ${lastWords(spec.log)} (${spec.log}).`,
        );
      if (why === undefined) break;
      if (Date.now() > deadline) {
        await mine.stop();
        throw new EmbeddedError(
          `${spec.name} was not ready within ${READY_TIMEOUT_MS / 1000} s: ${why} (${spec.log}).`,
        );
      }
      await sleep(50);
    }
    show('running', mine.pid);
    void watch(mine, Date.now());
  }

  async function watch(mine: Running, since: number): Promise<void> {
    const probing = new AbortController();
    void probe(mine, probing.signal);
    const exit = await mine.exited;
    probing.abort();
    if (stopping) return show('stopped', null);
    // Asked to end and ended in order, as for a rolling restart: no failure.
    if (Date.now() - since > STEADY_MS || exit.code === 0) failures = 0;
    deps.logger.warn(
      { unit: spec.name, pid: mine.pid, code: exit.code, signal: exit.signal },
      'A part of the stack ended',
    );
    await keepTrying();
  }

  async function keepTrying(): Promise<void> {
    while (!stopping) {
      view.restarts++;
      show('restarting', null);
      await sleep(backoff());
      if (stopping) return show('stopped', null);
      try {
        await startOnce();
        deps.logger.info({ unit: spec.name, pid: view.pid, restarts: view.restarts }, 'It is back');
        return;
      } catch (error) {
        deps.logger.warn({ unit: spec.name, err: error }, 'It did not start');
      }
    }
    show('stopped', null);
  }

  function backoff(): number {
    return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures++);
  }

  async function probe(mine: Running, signal: AbortSignal): Promise<void> {
    let missed = 0;
    while (spec.alive && !signal.aborted) {
      await sleep(PROBE_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      missed = (await spec.alive()) ? 0 : missed + 1;
      if (missed < MAX_MISSED_PROBES) continue;
      deps.logger.error(
        { unit: spec.name, pid: mine.pid },
        'It does not answer any more and is ended',
      );
      process.kill(mine.pid, 'SIGKILL');
      return;
    }
  }

  return {
    view,
    async start() {
      for (let attempt = 1; ; attempt++) {
        try {
          return await startOnce();
        } catch (error) {
          if (stopping || attempt === FIRST_TRIES || !(error instanceof EndedEarly)) {
            show('stopped', null);
            throw error;
          }
          view.restarts++;
          await sleep(backoff());
        }
      }
    },
    async restart() {
      failures = 0;
      await running?.stop();
    },
    async stop() {
      stopping = true;
      await running?.stop();
      // One that was about to start sees that it must not, and ends itself.
      await starting?.catch(() => undefined);
      show('stopped', null);
    },
  };
}

/** What the program said about its end: its last error, or its last line. */
function lastWords(log: string): string {
  try {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-40);
    const line =
      lines.findLast((text) => /^\w*Error\b.*: |"level":"(error|fatal)"/.test(text)) ??
      lines.at(-1)!;
    // Our own log lines are JSON.
    const message = line.startsWith('{') ? (JSON.parse(line) as { msg?: string }).msg : line;
    return (message || line).slice(0, 300) || 'it left no word';
  } catch {
    return 'it left no word';
  }
}
