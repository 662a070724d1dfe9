import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb, migrate } from '@conducktor/db';
import { startPostgres } from '@conducktor/embedded';
import { ROOT, type Status } from './stack.js';

/** An installation as an earlier version left it. */
export interface OldInstallation {
  demo: Status['demo'];
  client: { clientId: string; refreshToken: string; revokedKey: string; invitation: string };
  /** Rows by table. */
  rows: Map<string, Record<string, unknown>[]>;
}

/**
 * Makes a data directory as the version of `fixture` would have left it: its migrations, its rows, its
 * secrets; ports and addresses are moved to `portBase`.
 */
export async function makeOldInstallation(
  dataDir: string,
  portBase: number,
  fixture = 'installation-0.1.jsonl',
): Promise<OldInstallation> {
  const old = readFixture(fixture, portBase);
  mkdirSync(dataDir, { recursive: true });
  const write = (name: string, value: unknown) =>
    writeFileSync(join(dataDir, name), JSON.stringify(value), { mode: 0o600 });
  write('version.json', { dataVersion: 1 });
  write('secrets.json', old.secrets);
  write('demo.json', old.demo);

  const postgres = await startPostgres({ dir: dataDir });
  const db = createDb(postgres.adminUrl, { max: 1 });
  const versions = old.rows.get('schema_migrations')!.map((row) => String(row['version']));
  const migrations = migrationsOf(versions);
  try {
    await migrate(postgres.adminUrl, migrations);
    // Makes the partitions of epoch 1, whose rows were sealed.
    await db.pool.query("select open_epoch('before')");
    await db.pool.query("set session_replication_role = 'replica'");
    for (const [table, rows] of old.rows) {
      await db.pool.query(`delete from "${table}"`);
      await db.pool.query(
        `insert into "${table}" overriding system value select * from json_populate_recordset(null::"${table}", $1)`,
        [JSON.stringify(rows)],
      );
    }
  } finally {
    rmSync(migrations, { recursive: true, force: true });
    await db.end();
    await postgres.stop();
  }
  return old;
}

function readFixture(name: string, portBase: number) {
  const text = readFileSync(join(ROOT, 'e2e/fixtures', name), 'utf8');
  const before = (JSON.parse(text.slice(0, text.indexOf('\n'))) as { portBase: number }).portBase;
  const [head, ...tables] = text
    .replaceAll(`localhost:${before}`, `localhost:${portBase}`)
    .replaceAll(`127.0.0.1:${before + 12}`, `127.0.0.1:${portBase + 12}`)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    ...(head as unknown as Pick<OldInstallation, 'demo' | 'client'> & { secrets: object }),
    rows: new Map(
      tables.map(({ table, rows }) => [table as string, rows as Record<string, unknown>[]]),
    ),
  };
}

function migrationsOf(versions: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-migrations-'));
  const all = join(ROOT, 'prisma/migrations');
  for (const file of readdirSync(all)) {
    if (versions.includes(file.split('_')[0]!)) copyFileSync(join(all, file), join(dir, file));
  }
  return dir;
}
