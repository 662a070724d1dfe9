import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { hasApt, libraryPath, unpackDebian, type UnpackOptions } from './debian.js';
import { EmbeddedError } from './errors.js';
import { sharedHome } from './place.js';

/** A server program and the environment it needs. */
export interface RedisFiles {
  program: string;
  env: NodeJS.ProcessEnv;
}

export interface FindRedisOptions extends UnpackOptions {
  /** Directories to search, separated as in PATH. */
  path?: string;
  /** Where a private copy is unpacked. */
  privateDir?: string;
}

/**
 * A redis-server or valkey-server of at least 6.2: on PATH, else unpacked once from Debian's packages.
 * @throws EmbeddedError that says how to install one.
 */
export async function findRedis(options: FindRedisOptions = {}): Promise<RedisFiles> {
  const path =
    options.path ??
    `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/bin${delimiter}/opt/homebrew/bin`;
  for (const dir of path.split(delimiter).filter(Boolean)) {
    for (const name of ['valkey-server', 'redis-server']) {
      const program = join(dir, name);
      if (existsSync(program) && isRecent(program, process.env)) return { program, env: {} };
    }
  }
  if (!(await hasApt())) throw new EmbeddedError(howToInstall('there is none on PATH'));
  const home =
    options.privateDir ??
    (process.getuid?.() === 0
      ? sharedHome()
      : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'conducktor'));
  let reason = '';
  for (const name of ['redis-server', 'valkey-server']) {
    try {
      const unpacked = await unpackDebian([name], join(home, `${name}-debian`), options);
      const program = join(unpacked, 'usr/bin', name);
      const env = { LD_LIBRARY_PATH: libraryPath(unpacked) };
      if (isRecent(program, { ...process.env, ...env })) return { program, env };
      reason = `the ${name} of this distribution is older than 6.2 or does not start`;
    } catch (error) {
      reason = (error as Error).message.replace(/\.$/, '');
    }
  }
  throw new EmbeddedError(howToInstall(reason));
}

function howToInstall(reason: string): string {
  const how =
    process.platform === 'darwin'
      ? '"brew install redis"'
      : '"apt install redis-server" or your system\'s package';
  return `Conducktor needs a redis-server or valkey-server of at least 6.2 (${reason}); install it with ${how} and start again.`;
}

function isRecent(program: string, env: NodeJS.ProcessEnv): boolean {
  try {
    const text = execFileSync(program, ['--version'], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, major, minor] = /v=(\d+)\.(\d+)/.exec(text) ?? [];
    return Number(major) * 100 + Number(minor) >= 602;
  } catch {
    return false;
  }
}
