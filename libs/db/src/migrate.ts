import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveBinary } from 'dbmate';

export const MIGRATIONS = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../../prisma/migrations',
);

/**
 * Brings a database to the newest schema with dbmate, as a role that may create roles and schemas.
 * Idempotent; safe when two processes start it at once (dbmate locks). Throws with dbmate's own words.
 */
export async function migrate(adminUrl: string, directory = MIGRATIONS): Promise<void> {
  const url = new URL(adminUrl);
  if (!url.searchParams.has('sslmode')) url.searchParams.set('sslmode', 'disable');
  const child = spawn(
    resolveBinary(),
    ['--migrations-dir', directory, '--no-dump-schema', '--wait', '--wait-timeout', '20s', 'up'],
    { env: { ...process.env, DATABASE_URL: url.toString() }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let words = '';
  child.stdout.on('data', (chunk) => (words += String(chunk)));
  child.stderr.on('data', (chunk) => (words += String(chunk)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0) {
    throw new Error(
      `The database could not be migrated: ${words.trim().split('\n').slice(-6).join(' ')}`,
    );
  }
}
