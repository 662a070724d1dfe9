import { chmod, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { WayOut } from './way-out.js';

/** The newest letters that are kept, for the machine's owner to read. */
const KEPT = 200;
const NAME = /^\d{8}T\d{6}Z_mai_\w+\.txt$/;

/**
 * One file for each letter, readable by its owner only: for one machine that has no mail server. A
 * letter appears whole or not at all; sent again it replaces itself.
 */
export function mailDir(dir: string): WayOut {
  return {
    kind: 'files',
    async send(letter) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await chmod(dir, 0o700);
      const when = letter.createdAt.toISOString().replace(/[-:]|\.\d+/g, '');
      const name = `${when}_${letter.messageId.split('@')[0]}.txt`;
      const partial = join(dir, `.${name}`);
      const file = await open(partial, 'w', 0o600);
      try {
        await file.writeFile(
          `To: ${letter.to}\nSubject: ${letter.subject}\nDate: ${letter.createdAt.toISOString()}\n` +
            `Message-ID: <${letter.messageId}>\n\n${letter.text}`,
        );
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, join(dir, name));
      await prune(dir);
    },
    close: () => undefined,
  };
}

async function prune(dir: string): Promise<void> {
  const letters = (await readdir(dir)).filter((name) => NAME.test(name)).sort();
  const old = letters.slice(0, Math.max(0, letters.length - KEPT));
  await Promise.all(old.map((name) => rm(join(dir, name), { force: true })));
}
