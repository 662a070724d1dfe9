import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from './setup-error.mjs';

// TypeScript 7: half the time of 6, which stays for what uses the compiler's API.
const COMPILER = 'node_modules/typescript-native/bin/tsc';

/** Generates the Prisma client and compiles all projects, each only when its sources have changed. */
export async function build(root, node, progress) {
  const schema = join(root, 'prisma/schema');
  if (existsSync(schema) && readdirSync(schema).some((name) => name.endsWith('.prisma'))) {
    await whenChanged(
      join(root, '.nx/setup/prisma'),
      fingerprint([schema], true),
      existsSync(join(root, 'libs/db/src/generated')),
      () => progress.step('Generating the database client', () => generate(root, node)),
    );
  }
  const projects = ['libs', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  const sources = projects.flatMap((dir) => [join(dir, 'src'), join(dir, 'tsconfig.json')]);
  const built = projects.every(
    (dir) => !existsSync(join(dir, 'tsconfig.json')) || existsSync(join(dir, 'dist/.tsbuildinfo')),
  );
  const state = () =>
    fingerprint([
      join(root, 'tsconfig.json'),
      join(root, 'tsconfig.base.json'),
      join(root, 'package-lock.json'),
      ...sources,
    ]);
  await whenChanged(join(root, '.nx/setup/build'), state(), built, () =>
    progress.step('Building', async () => {
      // Projects are built beside each other; several checkers of one would check much of it twice.
      const { code, words } = await run(root, node, [COMPILER, '-b', '--checkers', '1']);
      if (code !== 0) throw new SetupError(`The build failed:\n${words.trim()}`);
    }),
  );
}

async function whenChanged(stamp, state, present, work) {
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, state);
}

/** Changes when a file below `paths` does: by time and size, or by content where that is cheap. */
function fingerprint(paths, byContent = false) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
      return;
    }
    hash.update(path);
    hash.update(byContent ? readFileSync(path) : `${stat.size} ${stat.mtimeMs}`);
  };
  for (const path of paths) visit(path);
  return hash.digest('hex');
}

async function generate(root, node) {
  // The schema engine is a download that `generate` never calls.
  const env = {
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  };
  const { code, words } = await run(
    root,
    node,
    ['node_modules/prisma/build/index.js', 'generate', '--schema', 'prisma/schema'],
    env,
  );
  if (code !== 0)
    throw new SetupError(`The database client could not be generated:\n${words.trim()}`);
}

function run(root, node, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(node, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let words = '';
    child.stdout.on('data', (chunk) => (words += chunk));
    child.stderr.on('data', (chunk) => (words += chunk));
    child.once('error', (error) => resolve({ code: 1, words: String(error) }));
    child.once('close', (code) => resolve({ code, words }));
  });
}
