import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const FLAGS = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];

/**
 * Makes node_modules what package-lock.json says. Does nothing when it already is. Install scripts do
 * not run: nothing here needs one, and some want the network.
 */
export async function install(root, progress) {
  const stamp = join(root, 'node_modules/.conducktor-installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!isInstalled(root)) {
    await progress.step('Installing packages, a minute or two the first time', async () => {
      const first = await npm(root, ['ci', '--ignore-scripts', ...FLAGS]);
      if (first.code === 0) return count(root);
      // A lock file that does not fit package.json stops `ci` and not `install`.
      const second = /EUSAGE|in sync/.test(first.words)
        ? await npm(root, ['install', '--no-save', '--ignore-scripts', ...FLAGS])
        : first;
      if (second.code !== 0) throw new SetupError(explain(second.words));
      return count(root);
    });
  }
  writeFileSync(stamp, wanted);
}

/** True when npm's own record of node_modules holds every package of the lock file in its version. */
function isInstalled(root) {
  try {
    const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
    const wanted = read('package-lock.json');
    const found = read('node_modules/.package-lock.json');
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '' || entry.optional || entry.devOptional) return true;
      return found[path]?.version === entry.version && existsSync(join(root, path));
    });
  } catch {
    return false;
  }
}

function count(root) {
  const { packages } = JSON.parse(
    readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'),
  );
  return `${Object.keys(packages).length} packages`;
}

function npm(root, args) {
  return new Promise((resolve) => {
    // The npm that runs us, so that the one of another Node is not needed.
    const self = process.env.npm_execpath;
    const [program, first] = self?.endsWith('.js') ? [process.execPath, [self]] : ['npm', []];
    const child = spawn(program, [...first, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    child.stdout.on('data', (chunk) => (words += chunk));
    child.stderr.on('data', (chunk) => (words += chunk));
    child.once('error', (error) => resolve({ code: 1, words: String(error) }));
    child.once('close', (code) => resolve({ code, words }));
  });
}

function explain(words) {
  if (/ENOSPC|EDQUOT/.test(words)) {
    return 'The disk is full: the packages need about 1 GB; free some room and start again.';
  }
  if (/ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN|network/.test(words)) {
    return `The npm registry cannot be reached; check the network or "npm config get registry" and start again.\n${tail(words)}`;
  }
  if (/EACCES|EPERM/.test(words)) {
    return `This user may not write node_modules here; make the clone yours (chown) and start again.\n${tail(words)}`;
  }
  return `The packages could not be installed:\n${tail(words)}`;
}

function tail(words) {
  return words.trim().split('\n').slice(-12).join('\n');
}
