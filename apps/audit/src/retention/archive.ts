import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);
const PART = '.part';

/** A stretch of the sequence of one workspace, first and last place included. */
export interface Stretch {
  tenantId: string;
  /** yyyy-mm */
  month: string;
  fromSeq: number;
  toSeq: number;
}

/** What was written, as the manifest beside it says and the database keeps. */
export interface Archived {
  /** Under the directory of the archive. */
  file: string;
  events: number;
  bytes: number;
  /** Of the file, in hexadecimal. */
  sha256: string;
}

/**
 * Writes a stretch as `<month>/<workspace>-<from>-<to>.ndjson.gz` (RFC 1952, a member for each page), and
 * beside it `.manifest.json`. Both are on the disk when this resolves, or neither has its name: a page that
 * fails, and a process that dies, leave a `.part` that the next time removes.
 * @throws when the pages do not hold every place of the stretch once.
 */
export async function writeArchive(
  dir: string,
  stretch: Stretch,
  pages: AsyncIterable<{ events: number; text: string }>,
): Promise<Archived> {
  const { tenantId, month, fromSeq, toSeq } = stretch;
  // They become a path.
  if (!/^[\w-]+$/.test(tenantId) || !/^\d{4}-\d{2}$/.test(month))
    throw new Error(`${tenantId} of ${month} cannot name a file`);
  const folder = join(dir, month);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${tenantId}-${fromSeq}-${toSeq}`;
  await removeParts(folder, name);

  const hash = createHash('sha256');
  let [events, bytes] = [0, 0];
  await writeDurably(folder, `${name}.ndjson.gz`, async (file) => {
    for await (const page of pages) {
      const member = await compress(page.text);
      await file.writeFile(member);
      hash.update(member);
      events += page.events;
      bytes += member.length;
    }
    if (events !== toSeq - fromSeq + 1)
      throw new Error(
        `${events} events of ${tenantId} were read where the places ${fromSeq} to ${toSeq} were to be exported; none of them is deleted.`,
      );
  });
  const archived = {
    file: join(month, `${name}.ndjson.gz`),
    events,
    bytes,
    sha256: hash.digest('hex'),
  };
  const manifest = { format: 1, workspace: tenantId, month, fromSeq, toSeq, ...archived };
  await writeDurably(folder, `${name}.manifest.json`, (file) =>
    file.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`),
  );
  await syncFolder(dir);
  return archived;
}

/** Of two that write the same at once one may lose its part, and fails; what either renames is alike. */
async function writeDurably(
  folder: string,
  name: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const part = join(folder, `${name}.${randomUUID()}${PART}`);
  const file = await open(part, 'wx', 0o600);
  try {
    await write(file);
    await file.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(part, join(folder, name));
  await syncFolder(folder);
}

async function removeParts(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder))
    if (entry.startsWith(`${name}.`) && entry.endsWith(PART))
      await rm(join(folder, entry), { force: true });
}

/** So that the names in it survive a loss of power too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
