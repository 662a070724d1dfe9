import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import {
  EmbeddedError,
  diskFull,
  keepSecrets,
  replaceFile,
  requireRoom,
} from '@conducktor/embedded';
import { filesOf } from './layout.js';

/** Raised when a newer Conducktor lays its data directory out in a way that this one cannot read. */
export const DATA_VERSION = 1;

/** With less, Postgres would stop in the middle of something. */
const MIN_FREE_MB = 64;

/**
 * Makes a data directory, or checks that an existing one is ours to use.
 * @throws EmbeddedError for a directory of another version, one that cannot be written, a full disk.
 */
export function openDataDir(data: string): { secretKey: string } {
  const files = filesOf(data);
  try {
    mkdirSync(data, { recursive: true });
    requireRoom(data, MIN_FREE_MB);
    requireVersion(files.version, data);
    for (const dir of [files.run, files.logs]) mkdirSync(dir, { recursive: true, mode: 0o700 });
    return { secretKey: keepSecrets(files.secrets, ['SECRET_KEY']).SECRET_KEY };
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    throw (
      diskFull(error, data) ??
      new EmbeddedError(
        `The data directory ${data} cannot be used (${(error as Error).message}); choose another with --data DIR.`,
        { cause: error },
      )
    );
  }
}

function requireVersion(path: string, data: string): void {
  if (!existsSync(path))
    return replaceFile(path, `${JSON.stringify({ dataVersion: DATA_VERSION })}\n`);
  let found: unknown;
  try {
    found = (JSON.parse(readFileSync(path, 'utf8')) as { dataVersion?: unknown }).dataVersion;
  } catch {
    found = 'unreadable';
  }
  if (found === DATA_VERSION) return;
  throw new EmbeddedError(
    `The data directory ${data} is of data version ${String(found)} and this Conducktor reads version ${DATA_VERSION}; start the Conducktor that wrote it, or begin anew with --data DIR.`,
  );
}
