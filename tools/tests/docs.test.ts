import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareCodes, declaredCodes, documentedCodes, findDocProblems } from '../check-docs.mjs';
import { CODES } from '@conducktor/contracts';
import { readFileSync } from 'node:fs';

const root = join(import.meta.dirname, '../..');

test('the docs explain every error code and no other, and their links lead somewhere', () => {
  expect(findDocProblems(root)).toEqual([]);
});

test('the codes read from the source are the codes that programs see', () => {
  const source = readFileSync(join(root, 'libs/contracts/src/errors.ts'), 'utf8');
  expect(Object.fromEntries(declaredCodes(source))).toEqual(CODES);
});

test('reports a code that only one side knows, and a status that differs', () => {
  const declared = new Map([
    ['a_code', 400],
    ['b_code', 404],
  ]);
  const documented = documentedCodes('## `b_code` (409)\n\n### `c_code` (500)\n');
  expect(compareCodes(declared, documented)).toEqual([
    'docs/errors.md does not explain `a_code`.',
    'docs/errors.md says 409 for `b_code`, the code 404.',
    'docs/errors.md explains `c_code`, which does not exist.',
  ]);
});
