import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** 256 random bits as base64url: needs no quoting in SQL, URLs or shells. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Secrets by name, kept as JSON in a file that only its owner may read. Missing names are made and
 * added, existing ones never change.
 */
export function keepSecrets<Name extends string>(
  path: string,
  names: readonly Name[],
): Record<Name, string> {
  let kept: Record<string, string> = {};
  try {
    kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const missing = names.filter((name) => !kept[name]);
  if (missing.length > 0) {
    for (const name of missing) kept[name] = newSecret();
    replaceFile(path, `${JSON.stringify(kept, null, 2)}\n`);
  }
  return kept as Record<Name, string>;
}

/** Writes a 0600 file so that a reader, or a crash, sees the old or the new text and nothing between. */
export function replaceFile(path: string, text: string): void {
  const next = `${path}.${process.pid}.new`;
  writeFileSync(next, text, { mode: 0o600, flush: true });
  renameSync(next, path);
}
