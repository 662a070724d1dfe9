import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { EmbeddedError, runningProcess } from '@conducktor/embedded';

interface Holder {
  pid: number;
  started: string;
}

/**
 * Takes the lock of a data directory for this process.
 * @returns what gives it back
 * @throws EmbeddedError while a living process holds it; a dead one's lock is taken over.
 */
export function takeLock(path: string, data: string): () => void {
  const self = runningProcess(process.pid);
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: self?.started }), {
    mode: 0o600,
  });
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        // A link fails when the name is taken, and appears with its content.
        linkSync(mine, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = lockHolder(path);
      if (holder !== undefined) {
        throw new EmbeddedError(
          `Conducktor already runs in ${data} (process ${holder}); "npm stop" ends it, or give this one a directory and ports of its own: --data DIR --port-base N.`,
        );
      }
      removeStale(path);
    }
    throw new EmbeddedError(
      `The lock ${path} cannot be taken; remove it if no Conducktor runs in ${data}.`,
    );
  } finally {
    rmSync(mine, { force: true });
  }
}

/** The pid of the living process that holds the lock, if any. */
export function lockHolder(path: string): number | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    const found = runningProcess(holder.pid);
    // The start time tells it from a later process that was given the same number.
    return found?.started === holder.started ? holder.pid : undefined;
  } catch {
    return undefined;
  }
}

// Two starts may find the same dead lock; what was moved aside is looked at again before it goes.
function removeStale(path: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (lockHolder(aside) !== undefined) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one has it by now.
    }
  }
  rmSync(aside, { force: true });
}
