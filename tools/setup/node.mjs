import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const MAJOR = 24;

/** The Node 24 that npm installed for this platform, or the running one if it is new enough. */
export function findNode(root) {
  const binary = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin/node');
  if (existsSync(binary) && starts(binary)) return binary;
  return Number(process.versions.node.split('.')[0]) >= MAJOR ? process.execPath : undefined;
}

// The packaged binary needs glibc; on musl it exists and does not start.
function starts(binary) {
  try {
    return execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: 'pipe' }).startsWith(
      `v${MAJOR}.`,
    );
  } catch {
    return false;
  }
}
