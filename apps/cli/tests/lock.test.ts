import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, takeLock } from '../src/stack/lock.js';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'conducktor-lock-'));
  path = join(dir, 'lock');
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a second stack in one data directory is refused with the way on', () => {
  takeLock(path, dir);
  expect(() => takeLock(path, dir)).toThrow(
    `Conducktor already runs in ${dir} (process ${process.pid}); "npm stop" ends it`,
  );
  expect(lockHolder(path)).toBe(process.pid);
});

test('the lock is free once it is given back', () => {
  takeLock(path, dir)();
  expect(lockHolder(path)).toBeUndefined();
  takeLock(path, dir);
  expect(readdirSync(dir)).toEqual(['lock']);
});

test('the lock of a process that died is taken over', () => {
  writeFileSync(path, JSON.stringify({ pid: 4_194_303, started: '1' }));
  takeLock(path, dir);
  expect(lockHolder(path)).toBe(process.pid);
  expect(readdirSync(dir)).toEqual(['lock']);
});

test('a process that was given the number of a dead holder is not taken for it', () => {
  writeFileSync(path, JSON.stringify({ pid: process.ppid, started: 'long ago' }));
  takeLock(path, dir);
  expect(lockHolder(path)).toBe(process.pid);
});

test('a lock that was only half written is taken over', () => {
  writeFileSync(path, '{"pid":');
  takeLock(path, dir);
  expect(lockHolder(path)).toBe(process.pid);
});
