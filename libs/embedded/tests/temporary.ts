import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runningProcess } from '../src/processes.js';

/** A directory that is removed when the test is over, with what its servers keep elsewhere. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-embedded-'));
  onTestFinished(() => {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (entry.name !== 'place' || !entry.isFile()) continue;
      const home = readFileSync(join(entry.parentPath, entry.name), 'utf8').trim();
      rmSync(home, { recursive: true, force: true });
    }
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** Resolves with the milliseconds until none of the processes is left. */
export async function untilGone(pids: number[], limitMs: number): Promise<number> {
  const started = Date.now();
  while (pids.some((pid) => runningProcess(pid))) {
    if (Date.now() - started > limitMs)
      throw new Error(
        `Still there after ${limitMs} ms: ${pids.filter((pid) => runningProcess(pid)).join(', ')}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return Date.now() - started;
}
