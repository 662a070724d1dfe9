import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedError, restoreCluster } from '@conducktor/embedded';
import { UsageError, type StackOptions } from '../options.js';
import { DATA_VERSION } from '../stack/data-dir.js';
import { copyWithModes, DATABASE, FILES, requireIntact, tar } from './archive.js';

/**
 * `conducktor restore FILE --data DIR`: makes a new data directory of a backup. Nothing is written to DIR
 * before the whole file was found intact. What was revoked or removed after the backup is valid again.
 */
export async function restore(options: StackOptions): Promise<number> {
  const [name] = options.words;
  if (!name) throw new UsageError('Say from where: conducktor restore FILE --data DIR');
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), name);
  if (!existsSync(file)) throw new EmbeddedError(`There is no file ${file}.`);
  const { data } = options;
  if (existsSync(data) && readdirSync(data).length > 0) {
    throw new EmbeddedError(
      `${data} is not empty; restore into a new directory with --data DIR, so that nothing is overwritten.`,
    );
  }
  mkdirSync(data, { recursive: true });
  const scratch = mkdtempSync(join(data, '.restoring-'));
  try {
    tar(['-xpf', file, '-C', scratch], file);
    const manifest = await requireIntact(scratch, file);
    if (manifest.dataVersion > DATA_VERSION) {
      throw new EmbeddedError(
        `${file} is of data version ${manifest.dataVersion} and this Conducktor reads up to ${DATA_VERSION}; restore it with the version that wrote it.`,
      );
    }
    restoreCluster(data, join(scratch, DATABASE));
    // The version last: a directory without it is not taken for a whole one.
    const kept = readdirSync(join(scratch, FILES)).sort((a, b) =>
      a === 'version.json' ? 1 : b === 'version.json' ? -1 : a.localeCompare(b),
    );
    for (const each of kept) copyWithModes(join(scratch, FILES, each), join(data, each));
    process.stdout.write(
      `Restored what was backed up at ${manifest.createdAt} to ${data}; "npm start -- --data ${data}" starts it.\n`,
    );
    return 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
