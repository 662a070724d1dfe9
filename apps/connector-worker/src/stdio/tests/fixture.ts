import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Fixtures {
  dir: string;
  fixture(name: string, body: string): { command: string; args: string[] };
  remove(): void;
}

/** Servers in a few lines: `body` sees `send`, `text`, `id`, `method` and `params` of every request but the handshake. */
export function createFixtures(): Fixtures {
  const dir = mkdtempSync(join(tmpdir(), 'conducktor-fixtures-'));
  return {
    dir,
    remove: () => rmSync(dir, { recursive: true, force: true }),
    fixture: (name, body) => {
      const path = join(dir, `${name}.mjs`);
      writeFileSync(
        path,
        `import { createInterface } from 'node:readline';
         const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
         const text = (id, text) => send({ id, result: { content: [{ type: 'text', text: String(text) }] } });
         createInterface({ input: process.stdin }).on('line', (line) => {
           const request = JSON.parse(line); const { id, method, params } = request;
           if (method === 'initialize') return send({ id, result: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: '${name}', version: '1' } } });
           if (id === undefined && method !== 'notifications/cancelled') return;
           ${body}
         });`,
      );
      return { command: 'node', args: [path] };
    },
  };
}

/** The text of a result's first content. */
export function textOf(resultJson: string | undefined): string {
  return (JSON.parse(resultJson!) as { content: { text: string }[] }).content[0]!.text;
}

/** Lines of `ps` whose command holds these words, without zombies and without the one that looks. */
export function processesWith(words: string): string[] {
  return execFileSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' })
    .split('\n')
    .filter(
      (line) =>
        line.includes(words) && !/^\s*\d+\s+Z/.test(line) && !line.includes('--input-type=module'),
    );
}
