import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODES } from '@conducktor/contracts';
import { expect, test } from 'vitest';
import {
  compareCodes,
  deadLinks,
  declaredCodes,
  documentedCodes,
  findDocProblems,
  missingTests,
} from '../check-docs.mjs';

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

test('reports a test that a page names and that does not exist', () => {
  const dir = mkdtempSync(join(tmpdir(), 'docs-'));
  writeFileSync(join(dir, 'a.test.ts'), `test('something happens', () => {});`);
  const page = join(dir, 'page.md');
  writeFileSync(page, 'see [a](a.test.ts) “something happens” “nothing happens” and [b](b.md)');
  expect(missingTests(dir, page)).toEqual(['page.md: a.test.ts has no test “nothing happens”.']);
  expect(deadLinks(dir, page)).toEqual(['page.md: b.md does not exist.']);
  rmSync(dir, { recursive: true });
});
