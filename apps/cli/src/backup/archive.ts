import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EmbeddedError, diskFull } from '@conducktor/embedded';
import { z } from 'zod';

/** Raised when archives are laid out in a way that older versions cannot read. */
export const ARCHIVE_FORMAT = 1;
export const MANIFEST = 'conducktor-backup.json';
/** The database as Postgres packs it. */
export const DATABASE = 'database/base.tar.gz';
/** Beside the database: whatever else of a data directory must not be lost. */
export const FILES = 'files';

export const Manifest = z.object({
  format: z.int(),
  createdAt: z.string(),
  dataVersion: z.int(),
  members: z.array(z.object({ path: z.string(), bytes: z.int(), sha256: z.string() })),
});
export type Manifest = z.infer<typeof Manifest>;

/** Every file below `dir` with its size and SHA-256, in the order of paths. */
export async function membersOf(dir: string): Promise<Manifest['members']> {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => !lstatSync(path).isDirectory() && relative(dir, path) !== MANIFEST)
    .sort();
  const members: Manifest['members'] = [];
  for (const path of paths) {
    if (!lstatSync(path).isFile()) {
      throw new EmbeddedError(`${path} is neither a file nor a directory; nothing was done.`);
    }
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    members.push({
      path: relative(dir, path),
      bytes: statSync(path).size,
      sha256: hash.digest('hex'),
    });
  }
  return members;
}

/** @throws EmbeddedError unless `dir` holds exactly what its manifest says. */
export async function requireIntact(dir: string, file: string): Promise<Manifest> {
  let manifest: Manifest;
  try {
    manifest = Manifest.parse(JSON.parse(readFileSync(join(dir, MANIFEST), 'utf8')));
  } catch (cause) {
    throw new EmbeddedError(`${file} is not a backup of Conducktor.`, { cause });
  }
  if (manifest.format !== ARCHIVE_FORMAT) {
    throw new EmbeddedError(
      `${file} is a backup of format ${manifest.format}, and this Conducktor reads format ${ARCHIVE_FORMAT}; restore it with the version that wrote it.`,
    );
  }
  if (JSON.stringify(await membersOf(dir)) !== JSON.stringify(manifest.members)) {
    throw new EmbeddedError(`${file} is damaged: it does not hold what its list says.`);
  }
  return manifest;
}

/** Runs `tar`. @throws EmbeddedError with its own words. */
export function tar(args: string[], about: string): void {
  try {
    execFileSync('tar', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const words = String((error as { stderr?: Buffer }).stderr ?? '').trim();
    throw (
      diskFull(words || error, about) ??
      new EmbeddedError(
        `${about} cannot be read or written: ${words.split('\n')[0] || (error as Error).message}.`,
        { cause: error },
      )
    );
  }
}

/** A file or directory with everything in it, as it is. */
export function copyWithModes(from: string, to: string): void {
  execFileSync('cp', ['-pR', from, to], { stdio: ['ignore', 'pipe', 'pipe'] });
}
