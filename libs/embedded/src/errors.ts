import { statfsSync } from 'node:fs';

/**
 * Something about this machine stands in the way. The message is one sentence for the person at the
 * terminal and says how to go on.
 */
export class EmbeddedError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EmbeddedError';
  }
}

/** The sentence for a disk without room, or undefined when `error` is about something else. */
export function diskFull(error: unknown, where: string): EmbeddedError | undefined {
  const text =
    error instanceof Error
      ? `${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`
      : String(error);
  if (!/ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/.test(text)) return undefined;
  return new EmbeddedError(
    `The disk that holds ${where} is full; free about 500 MB or choose another place with --data DIR.`,
    { cause: error },
  );
}

/** @throws EmbeddedError when fewer than `megabytes` are free for us on the disk that holds `dir`. */
export function requireRoom(dir: string, megabytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < megabytes * 1024 * 1024) throw diskFull('ENOSPC', dir);
}
