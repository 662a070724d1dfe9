import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { takeBaseBackup } from '@conducktor/db';
import {
  EmbeddedError,
  embeddedDatabaseUrl,
  serverScratch,
  startPostgres,
} from '@conducktor/embedded';
import { UsageError, type StackOptions } from '../options.js';
import { DATA_VERSION, openDataDir } from '../stack/data-dir.js';
import { filesOf, portsOf } from '../stack/layout.js';
import { lockHolder, takeLock } from '../stack/lock.js';
import { readState } from '../stack/state.js';
import { createCounter } from '../terminal/counter.js';
import {
  ARCHIVE_FORMAT,
  copyWithModes,
  DATABASE,
  FILES,
  MANIFEST,
  membersOf,
  tar,
} from './archive.js';

/** Of a data directory, beside the database. Redis may be lost; logs and sockets are of one run. */
const KEPT = [
  'version.json',
  'secrets.json',
  'postgres-passwords.json',
  'demo.json',
  'stdio-catalog.json',
  'stdio-state',
  'demo-files',
];

/**
 * `conducktor backup FILE`: everything that a data directory holds, secrets included, in one file that
 * only its owner may read. The stack may run on meanwhile; what was answered before it began is in it.
 */
export async function backup(options: StackOptions): Promise<number> {
  const [name] = options.words;
  if (!name) throw new UsageError('Say where to: conducktor backup FILE --data DIR');
  const file = resolve(process.env['INIT_CWD'] ?? process.cwd(), name);
  if (existsSync(file)) throw new EmbeddedError(`${file} exists already; choose another name.`);
  const files = filesOf(options.data);
  if (!existsSync(files.version)) {
    throw new EmbeddedError(`There is no data directory ${options.data}; name it by --data DIR.`);
  }
  openDataDir(options.data);

  // Beside the file, so that the last step is a rename on one disk.
  const scratch = mkdtempSync(join(dirname(file), '.conducktor-backup-'));
  const fromServer = serverScratch(options.data);
  try {
    await backUpDatabase(options, fromServer);
    mkdirSync(join(scratch, dirname(DATABASE)));
    cpSync(join(fromServer, 'base.tar.gz'), join(scratch, DATABASE));
    mkdirSync(join(scratch, FILES));
    for (const kept of KEPT.filter((each) => existsSync(join(options.data, each)))) {
      copyWithModes(join(options.data, kept), join(scratch, FILES, kept));
    }
    const manifest = {
      format: ARCHIVE_FORMAT,
      createdAt: new Date().toISOString(),
      dataVersion: DATA_VERSION,
      members: await membersOf(scratch),
    };
    writeFileSync(join(scratch, MANIFEST), JSON.stringify(manifest, null, 2));
    const partial = `${scratch}.tar`;
    try {
      writeFileSync(partial, '', { mode: 0o600 });
      tar(['-cf', partial, '-C', scratch, MANIFEST, dirname(DATABASE), FILES], file);
      chmodSync(partial, 0o600);
      renameSync(partial, file);
    } finally {
      rmSync(partial, { force: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(fromServer, { recursive: true, force: true });
  }
  const megabytes = (statSync(file).size / 1024 / 1024).toFixed(1);
  process.stdout.write(
    `Wrote ${file} (${megabytes} MB). It holds every secret of this installation: keep it as you would keep them.\n`,
  );
  return 0;
}

async function backUpDatabase(options: StackOptions, directory: string): Promise<void> {
  const files = filesOf(options.data);
  const counter = createCounter(process.stdout, 'Database');
  const take = (adminUrl: string) => takeBaseBackup(adminUrl, directory, counter.show);
  if (lockHolder(files.lock) !== undefined) {
    const state = readState(files.state);
    if (!state) throw new EmbeddedError('The stack is just starting; try again when it is ready.');
    const port = portsOf(state.portBase).postgres;
    await take(embeddedDatabaseUrl({ dir: options.data, port, role: 'postgres' }));
  } else {
    const release = takeLock(files.lock, options.data);
    try {
      const postgres = await startPostgres({ dir: options.data, logFile: files.log('postgres') });
      await take(postgres.adminUrl).finally(() => postgres.stop());
    } finally {
      release();
    }
  }
  counter.done();
}
