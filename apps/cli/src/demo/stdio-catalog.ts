import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@conducktor/embedded';
import type { filesOf } from '../stack/layout.js';
import { programOf } from './everything-server.js';

/**
 * The operator's catalogue of stdio servers, with the two of the demo in it. Entries that the operator
 * added stay; the demo's own are written anew, since the clone may have moved.
 */
export function writeStdioCatalog(files: ReturnType<typeof filesOf>): void {
  mkdirSync(files.demoFiles, { recursive: true });
  const readme = join(files.demoFiles, 'read-me.txt');
  if (!existsSync(readme))
    writeFileSync(readme, 'The demo connection "files" sees this directory and nothing else.\n');
  const own = {
    filesystem: {
      description: 'Files of the demo directory',
      command: 'node',
      args: [programOf('@modelcontextprotocol/server-filesystem'), files.demoFiles],
      writablePaths: [files.demoFiles],
    },
    memory: {
      description: 'A knowledge graph kept in one file',
      command: 'node',
      args: [programOf('@modelcontextprotocol/server-memory')],
      env: { MEMORY_FILE_PATH: '{state}/memory.jsonl' },
    },
  };
  replaceFile(
    files.stdioCatalog,
    `${JSON.stringify({ ...operatorEntries(files.stdioCatalog), ...own }, null, 2)}\n`,
  );
}

function operatorEntries(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object;
  } catch {
    return {};
  }
}
