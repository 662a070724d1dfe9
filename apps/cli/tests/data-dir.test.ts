import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDir } from '../src/stack/data-dir.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'conducktor-data-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('the secret is made once, of 32 random bytes, and only its owner may read it', () => {
  const { secretKey } = openDataDir(dir);
  expect(Buffer.from(secretKey, 'base64url')).toHaveLength(32);
  expect(openDataDir(dir).secretKey).toBe(secretKey);
  expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600);
});

test('a directory of another version is refused in one sentence and left as it is', () => {
  openDataDir(dir);
  writeFileSync(join(dir, 'version.json'), '{"dataVersion":99}');
  expect(() => openDataDir(dir)).toThrow(
    `The data directory ${dir} is of data version 99 and this Conducktor reads version 1; start the Conducktor that wrote it, or begin anew with --data DIR.`,
  );
  expect(readFileSync(join(dir, 'version.json'), 'utf8')).toBe('{"dataVersion":99}');
});

test('a place that is no directory is named', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => openDataDir(file)).toThrow(
    /^The data directory .*file cannot be used \(.*\); choose another with --data DIR\.$/,
  );
});
