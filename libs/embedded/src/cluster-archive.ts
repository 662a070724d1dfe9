import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { EmbeddedError, diskFull, requireRoom } from './errors.js';
import { ownedDirectory, placeFor } from './place.js';
import { requireSameMajor } from './postgres-cluster.js';
import { postgresFiles } from './postgres-files.js';

/** An empty directory that the Postgres of `dir` can write to. Whoever made it removes it. */
export function serverScratch(dir: string): string {
  const place = placeFor(dir);
  const scratch = mkdtempSync(join(place.home, 'backup-'));
  if (place.user) chownSync(scratch, place.user.uid, place.user.gid);
  return scratch;
}

/**
 * Makes the cluster of `dir` from a base backup (`base.tar.gz`). It appears whole or not at all; the
 * next start replays what the backup's log holds.
 * @throws EmbeddedError when `dir` has a cluster already, or for one of another major version.
 */
export function restoreCluster(dir: string, archive: string): void {
  const place = placeFor(dir);
  const data = join(place.home, 'postgres');
  if (existsSync(data)) {
    throw new EmbeddedError(`${dir} holds a database already; restore into a new directory.`);
  }
  requireRoom(place.home, 200);
  const scratch = mkdtempSync(join(place.home, 'restore-'));
  ownedDirectory(scratch, place);
  try {
    const fresh = ownedDirectory(join(scratch, 'cluster'), place);
    // The server's user need not be able to enter the directory that the archive lies in.
    const stdin = openSync(archive, 'r');
    try {
      execFileSync('tar', ['-xzf', '-', '-C', fresh], {
        ...place.user,
        cwd: fresh,
        stdio: [stdin, 'pipe', 'pipe'],
      });
    } finally {
      closeSync(stdin);
    }
    requireSameMajor(fresh, postgresFiles().major);
    renameSync(fresh, data);
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    const words = String((error as { stderr?: Buffer }).stderr ?? '').trim();
    throw (
      diskFull(error, place.home) ??
      diskFull(words, place.home) ??
      new EmbeddedError(
        `The database could not be unpacked in ${place.home}: ${words || (error as Error).message}.`,
        { cause: error },
      )
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
