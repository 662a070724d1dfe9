import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedError, diskFull } from './errors.js';

const run = promisify(execFile);

export interface UnpackOptions {
  onProgress?: (sentence: string) => void;
  /** dpkg's list of what is installed; only a test reads another one. */
  dpkgStatus?: string;
}

/**
 * Downloads Debian packages with those of their dependencies that are not installed, and unpacks them
 * into `target` without installing anything: no maintainer script runs, no system service starts, and
 * no privilege is needed. A second call finds the directory and does nothing.
 * @returns `target`
 * @throws EmbeddedError when apt is missing, offline, or knows none of `packages`.
 */
export async function unpackDebian(
  packages: readonly string[],
  target: string,
  options: UnpackOptions = {},
): Promise<string> {
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'conducktor-apt-'));
  const unpacked = mkdtempSync(join(dirname(target), 'unpacking-'));
  try {
    const archives = await download(packages, work, options);
    options.onProgress?.(`unpacking ${packages.join(' ')}`);
    for (const archive of archives) await run('dpkg', ['-x', archive, unpacked]);
    await run('chmod', ['0755', unpacked]);
    renameSync(unpacked, target);
    return target;
  } catch (error) {
    if (existsSync(target)) return target;
    const stderr = String((error as { stderr?: string }).stderr ?? '');
    throw (
      diskFull(`${stderr} ${String(error)}`, dirname(target)) ??
      new EmbeddedError(
        `${packages.join(', ')} could not be downloaded with apt: ${lastError(stderr) || (error as Error).message}.`,
        { cause: error },
      )
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(unpacked, { recursive: true, force: true });
  }
}

async function download(
  packages: readonly string[],
  work: string,
  options: UnpackOptions,
): Promise<string[]> {
  const cache = join(work, 'cache');
  mkdirSync(join(cache, 'archives/partial'), { recursive: true });
  const common = [
    '-o',
    `Dir::Cache=${cache}`,
    '-o',
    `Dir::Cache::archives=${cache}/archives`,
    // Nothing of the system's is written, so its locks and its sandbox user are of no use.
    '-o',
    'Debug::NoLocking=1',
    '-o',
    'APT::Sandbox::User=',
    '-o',
    'Acquire::Retries=2',
    '-o',
    'Acquire::http::Timeout=30',
    ...(options.dpkgStatus ? ['-o', `Dir::State::status=${options.dpkgStatus}`] : []),
  ];
  const install = [
    'install',
    '--download-only',
    '--yes',
    '--no-install-recommends',
    '--no-remove',
    ...packages,
  ];
  options.onProgress?.(`downloading ${packages.join(' ')} with apt`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  try {
    await run('apt-get', [...common, ...install], { env });
  } catch {
    // No lists, or lists so old that their versions are gone from the mirror: our own, for this once.
    const lists = join(work, 'lists');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    const own = [...common, '-o', `Dir::State::lists=${lists}`];
    options.onProgress?.('reading the package lists');
    await run('apt-get', [...own, 'update'], { env });
    options.onProgress?.(`downloading ${packages.join(' ')} with apt`);
    await run('apt-get', [...own, ...install], { env });
  }
  return readdirSync(join(cache, 'archives'))
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(cache, 'archives', name));
}

/** Directories of an unpacked tree that hold shared libraries, for LD_LIBRARY_PATH. */
export function libraryPath(unpacked: string): string {
  const bases = ['usr/lib', 'lib'].map((base) => join(unpacked, base));
  const triplets = bases.flatMap((base) =>
    directoriesIn(base).filter((dir) => /-linux-/.test(dir)),
  );
  // Some libraries keep their own beside them (libpulse does) and find them by an absolute path.
  const beside = triplets
    .flatMap(directoriesIn)
    .filter((dir) => readdirSync(dir).some((name) => /^lib.*\.so/.test(name)));
  return [...bases.filter((dir) => existsSync(dir)), ...triplets, ...beside].join(':');
}

function directoriesIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name));
}

/** True where apt and dpkg can be asked for packages. */
export async function hasApt(): Promise<boolean> {
  try {
    await run('apt-get', ['--version']);
    await run('dpkg', ['--version']);
    return true;
  } catch {
    return false;
  }
}

function lastError(stderr: string): string {
  return (
    stderr
      .split('\n')
      .filter((line) => line.startsWith('E:'))
      .at(-1)
      ?.slice(2)
      .trim() ?? ''
  );
}
