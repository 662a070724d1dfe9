import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError } from './setup-error.mjs';

const KNOWN = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The browser of the tests: one that is there, else Debian's, installed by root or unpacked for this
 * user alone. Runs after the build, whose `libs/embedded` does the unpacking.
 */
export async function findChromium(root, progress) {
  const found = [process.env.CHROMIUM_PATH, ...KNOWN].find((path) => path && isExecutable(path));
  if (found) return found;
  let path;
  await progress.step('Getting Chromium for the tests of the sign-in pages', async (note) => {
    path = (process.getuid?.() === 0 && installed()) || (await unpacked(root, note));
  });
  return path;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installed() {
  const apt = (...args) =>
    execFileSync('apt-get', args, {
      stdio: 'pipe',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  const get = () => apt('install', '--yes', '--no-install-recommends', 'chromium');
  try {
    try {
      get();
    } catch {
      apt('update');
      get();
    }
    return KNOWN.find(isExecutable);
  } catch {
    return undefined;
  }
}

async function unpacked(root, note) {
  const { libraryPath, unpackDebian } = await import(
    pathToFileURL(join(root, 'libs/embedded/dist/index.js')).href
  );
  const home = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'conducktor');
  let tree;
  try {
    tree = await unpackDebian(['chromium'], join(home, 'chromium-debian'), { onProgress: note });
  } catch (error) {
    throw new SetupError(
      `The tests need Chromium: install it ("apt install chromium", "brew install --cask chromium") or set CHROMIUM_PATH. ${error.message}`,
    );
  }
  const program = join(tree, 'usr/lib/chromium/chromium');
  if (!existsSync(program))
    throw new SetupError('The tests need Chromium: install it or set CHROMIUM_PATH.');
  // Started through a script, since the loader reads LD_LIBRARY_PATH only at the start of a program.
  const start = join(home, 'bin/chromium');
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(
    start,
    `#!/bin/sh\nLD_LIBRARY_PATH='${libraryPath(tree)}' FONTCONFIG_SYSROOT='${tree}' exec '${program}' "$@"\n`,
  );
  chmodSync(start, 0o755);
  return start;
}
