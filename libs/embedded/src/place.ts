import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EmbeddedError, diskFull } from './errors.js';

/** Where a private server keeps its files, and as whom it runs (undefined: as ourselves). */
export interface Place {
  home: string;
  user?: User;
}

interface User {
  uid: number;
  gid: number;
}

/** In a data directory whose servers keep their files elsewhere: where. */
const POINTER = 'place';

/**
 * Postgres refuses to run as root, and an unprivileged user cannot enter a home that only root may.
 * As an ordinary user the place is `dir` itself. As root it is `dir` when the unprivileged user can
 * enter it, otherwise a directory of `dir`'s own under /var/lib/conducktor, which a file `place` in
 * `dir` points to.
 */
export function placeFor(dir: string): Place {
  try {
    mkdirSync(dirname(dir), { recursive: true });
    if (!existsSync(dir)) mkdirSync(dir, { mode: 0o700 });
    if (process.getuid?.() !== 0) return placeForUser(realpathSync(dir));
    return placeForRoot(realpathSync(dir));
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    throw (
      diskFull(error, dir) ??
      new EmbeddedError(
        `The data directory ${dir} cannot be used (${(error as Error).message}); choose another with --data DIR.`,
        { cause: error },
      )
    );
  }
}

function placeForUser(dir: string): Place {
  if (!existsSync(join(dir, POINTER))) return { home: dir };
  throw new EmbeddedError(
    `The data directory ${dir} was made by root, and its database lies where only root can start it; start as root again, or choose another with --data DIR.`,
  );
}

function placeForRoot(dir: string): Place {
  const pointer = join(dir, POINTER);
  if (existsSync(pointer)) {
    const home = readFileSync(pointer, 'utf8').trim();
    moveInto(home, dir);
    return { home, user: ownerOf(home) ?? unprivilegedUser() };
  }

  // Others may pass through to what they own, and read nothing.
  chmodSync(dir, statSync(dir).mode | 0o711);
  const user = ownerOf(dir) ?? unprivilegedUser();
  if (canEnter(dir, user)) return { home: dir, user };

  const home = join(sharedHome(), createHash('sha256').update(dir).digest('hex').slice(0, 16));
  // Left by a data directory of this path that was deleted: its passwords are gone with it.
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { mode: 0o711 });
  writeFileSync(join(home, 'belongs-to'), `${dir}\n`);
  writeFileSync(pointer, `${home}\n`, { mode: 0o600 });
  moveInto(home, dir);
  return { home, user };
}

/** Whoever ran the servers of this directory before, so that their files stay theirs. Never root. */
function ownerOf(home: string): User | undefined {
  const stat = statSync(join(home, 'postgres'), { throwIfNoEntry: false });
  return stat && stat.uid !== 0 ? { uid: stat.uid, gid: stat.gid } : undefined;
}

// A directory that was reachable when its data were made may lie somewhere else by now. A crash in
// between leaves the original, and the next start copies again.
function moveInto(home: string, dir: string): void {
  for (const name of ['postgres', 'redis']) {
    const [from, to] = [join(dir, name), join(home, name)];
    if (!existsSync(from) || existsSync(to)) continue;
    rmSync(`${to}.moving`, { recursive: true, force: true });
    execFileSync('cp', ['-a', from, `${to}.moving`], { stdio: 'pipe' });
    renameSync(`${to}.moving`, to);
    rmSync(from, { recursive: true });
  }
}

/** Makes `path` a directory that only the place's user may read. */
export function ownedDirectory(path: string, place: Place): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (place.user) chownSync(path, place.user.uid, place.user.gid);
  return path;
}

/** A directory of root's that every user can enter, for files shared by all data directories. */
export function sharedHome(): string {
  for (const base of ['/var/lib', '/var/tmp', tmpdir()]) {
    const path = join(base, 'conducktor');
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      // In a world-writable base somebody else could have made it first.
      if (statSync(path).uid === process.getuid?.() && canEnter(path, unprivilegedUser()))
        return path;
    } catch {
      continue;
    }
  }
  throw new EmbeddedError(
    'There is no place that an unprivileged user can reach, which Postgres needs when started by root; make /var/lib/conducktor, or run as an ordinary user.',
  );
}

function canEnter(dir: string, user: User): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', dir], { ...user, cwd: '/', stdio: 'ignore' })
      .status === 0
  );
}

function unprivilegedUser(): User {
  for (const name of ['postgres', 'nobody']) {
    const entry = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${name}:`));
    if (entry) {
      const [, , uid, gid] = entry.split(':');
      return { uid: Number(uid), gid: Number(gid) };
    }
    try {
      const number = (flag: string) =>
        Number(
          execFileSync('id', [flag, name], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          }),
        );
      return { uid: number('-u'), gid: number('-g') };
    } catch {
      continue;
    }
  }
  throw new EmbeddedError(
    'Postgres cannot run as root and this machine has no user "postgres" or "nobody"; run as an ordinary user.',
  );
}
