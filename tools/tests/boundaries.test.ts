import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findViolations, importsOf } from '../check-boundaries.mjs';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A repository with the given files; each lib and app named in a path gets a package.json. */
function repository(files: Record<string, string>, dependencies: Record<string, string[]> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    const [kind, name] = path.split('/');
    if (kind === 'libs' || kind === 'apps') {
      const declared = dependencies[`${kind}/${name}`] ?? [];
      writeFileSync(
        join(root, kind, name!, 'package.json'),
        JSON.stringify({ dependencies: Object.fromEntries(declared.map((d) => [d, '*'])) }),
      );
    }
  }
  return root;
}

test('this repository keeps its boundaries', () => {
  expect(findViolations(join(import.meta.dirname, '../..'))).toEqual([]);
});

const deliberate: [string, Record<string, string>, Record<string, string[]>, RegExp][] = [
  [
    'a lib that imports a lib it may not',
    { 'libs/policy/src/a.ts': `import { x } from '@conducktor/db';` },
    { 'libs/policy': ['@conducktor/db'] },
    /policy may import contracts, not db/,
  ],
  [
    'an app that imports an app',
    { 'apps/control/src/a.ts': `import { x } from '@conducktor/gateway';` },
    { 'apps/control': ['@conducktor/gateway'] },
    /apps are not imported/,
  ],
  [
    'Postgres outside libs/db',
    { 'apps/control/src/a.ts': `import pg from 'pg';` },
    { 'apps/control': ['pg'] },
    /pg may only be imported in libs\/db/,
  ],
  [
    'the OAuth server outside apps/auth',
    { 'libs/identity/src/a.ts': `const p = await import('oidc-provider');` },
    { 'libs/identity': ['oidc-provider'] },
    /oidc-provider may only be imported in apps\/auth/,
  ],
  [
    'a relative path into another project',
    { 'libs/vault/src/a.ts': `export { x } from '../../db/src/pool.js';` },
    {},
    /reaches into libs\/db\/src\/pool\.js/,
  ],
  [
    'a package that is not declared',
    { 'libs/vault/src/a.ts': `import { z } from 'zod';` },
    {},
    /zod is not declared in libs\/vault\/package\.json/,
  ],
  [
    'a path behind an index',
    { 'libs/vault/src/a.ts': `import { z } from '@conducktor/db/dist/pool.js';` },
    { 'libs/vault': ['@conducktor/db'] },
    /bypasses the index/,
  ],
  [
    'an export of everything',
    { 'libs/vault/src/index.ts': `export * from './a.js';` },
    {},
    /export \*/,
  ],
  [
    'test helpers in a product file',
    { 'libs/vault/src/a.ts': `import { z } from '@conducktor/testing';` },
    { 'libs/vault': ['@conducktor/testing'] },
    /testing is for tests/,
  ],
  [
    'a cycle of declared dependencies',
    { 'libs/vault/src/a.ts': '', 'libs/catalog/src/a.ts': '' },
    { 'libs/vault': ['@conducktor/catalog'], 'libs/catalog': ['@conducktor/vault'] },
    /dependency cycle catalog → vault → catalog/,
  ],
];

test.each(deliberate)('reports %s', (_name, files, dependencies, sentence) => {
  const violations = findViolations(repository(files, dependencies));
  expect(violations).toHaveLength(1);
  expect(violations[0]).toMatch(sentence);
});

test('a test may use what product code may not', () => {
  const root = repository({
    'libs/vault/src/tests/a.test.ts': `import { z } from '@conducktor/testing';`,
  });
  expect(findViolations(root)).toEqual([]);
});

test('finds imports in every form, and none in comments', () => {
  const text = `
    import a, { b } from 'one';
    import type { T } from 'two';
    import 'three';
    export { c } from 'four';
    export type { U } from 'five';
    const d = await import('six');
    import {
      e,
    } from 'seven';
    // import x from 'comment';
    /* import y from 'block'; */
  `;
  expect(importsOf(text).sort()).toEqual(['five', 'four', 'one', 'seven', 'six', 'three', 'two']);
});
