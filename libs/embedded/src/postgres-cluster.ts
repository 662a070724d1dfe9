import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EmbeddedError, diskFull } from './errors.js';
import { ownedDirectory, type Place } from './place.js';
import type { PostgresFiles } from './postgres-files.js';

/** What the programs of Postgres get to see of our environment. */
export function postgresEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * Makes the directory `data` with a superuser of this password and one empty database. It appears
 * whole or not at all.
 */
export function createCluster(
  files: PostgresFiles,
  place: Place,
  data: string,
  password: string,
  database: string,
  fsync: boolean,
): void {
  for (const name of readdirSync(place.home)) {
    // Left by a first start that was killed.
    if (name.startsWith('initdb-'))
      rmSync(join(place.home, name), { recursive: true, force: true });
  }
  const scratch = mkdtempSync(join(place.home, 'initdb-'));
  ownedDirectory(scratch, place);
  const fresh = join(scratch, 'cluster');
  const passwordFile = join(scratch, 'password');
  const run = (program: string, args: string[], input = '') =>
    execFileSync(join(files.bin, program), args, {
      ...place.user,
      cwd: scratch,
      env: postgresEnv(),
      input,
      stdio: 'pipe',
    });
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (place.user) chownSync(passwordFile, place.user.uid, place.user.gid);
    run('initdb', [
      '-D',
      fresh,
      '-U',
      'postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(fsync ? [] : ['--no-sync']),
    ]);
    run('postgres', ['--single', '-D', fresh, 'template1'], `create database "${database}"\n`);
    rmSync(data, { recursive: true, force: true });
    renameSync(fresh, data);
  } catch (error) {
    const stderr = String((error as { stderr?: Buffer }).stderr ?? '');
    throw (
      diskFull(error, place.home) ??
      diskFull(stderr, place.home) ??
      new EmbeddedError(
        `Postgres could not make its data directory in ${place.home}: ${lastLine(stderr) || (error as Error).message}.`,
        { cause: error },
      )
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @throws EmbeddedError when `data` was written by another major version. Nothing is changed. */
export function requireSameMajor(data: string, major: string): void {
  const path = join(data, 'PG_VERSION');
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : major;
  if (found === major) return;
  throw new EmbeddedError(
    `The data in ${data} was written by Postgres ${found}, and this version of Conducktor brings Postgres ${major}; start the version that wrote it, or begin anew with --data DIR.`,
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
