import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedError, diskFull } from './errors.js';
import type { Exit, Guarded } from './guard.js';
import { runningProcess } from './processes.js';

/** Recovery after a crash reads at most what lies between two checkpoints. */
const READY_TIMEOUT_MS = 300_000;

/**
 * Waits for the server of a stack that was killed: it goes within seconds, and its files are free then.
 * @throws EmbeddedError when it stays.
 */
export async function waitForPredecessor(data: string): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    const pid = postmaster(data).pid;
    if (pid === undefined || !runningProcess(pid)?.command.includes('postgres')) return;
    if (waited >= 10_000) {
      throw new EmbeddedError(
        `Another Postgres (process ${pid}) is using ${data}; stop that stack first, or choose another with --data DIR.`,
      );
    }
    await sleep(100);
  }
}

/**
 * Resolves once the server accepts connections; as pg_ctl sees it, by the word in its pid file.
 * @throws EmbeddedError with its own reason when it ends instead.
 */
export async function untilReady(
  guarded: Guarded,
  { data, logFile }: { data: string; logFile: string },
): Promise<void> {
  let ended: Exit | undefined;
  void guarded.exited.then((exit) => (ended = exit));
  for (let waited = 0; waited < READY_TIMEOUT_MS; waited += 25) {
    const { pid, status } = postmaster(data);
    if (pid === guarded.pid && status === 'ready') return;
    if (ended) {
      const tail = readFileSync(logFile, 'utf8').split('\n').slice(-30).join('\n');
      const reason =
        tail
          .match(/FATAL: +(.*)/g)
          ?.at(-1)
          ?.replace(/^FATAL: +/, '') ?? `exit ${ended.code ?? ended.signal}`;
      throw (
        diskFull(tail, data) ??
        new EmbeddedError(`Postgres did not start: ${reason}; see ${logFile}.`)
      );
    }
    await sleep(25);
  }
  await guarded.stop(2_000);
  throw new EmbeddedError(
    `Postgres was not ready within ${READY_TIMEOUT_MS / 1000} s; see ${logFile}.`,
  );
}

function postmaster(data: string): { pid?: number; status?: string } {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), status: lines[7]?.trim() };
  } catch {
    return {};
  }
}
