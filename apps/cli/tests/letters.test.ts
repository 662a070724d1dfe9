import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lettersIn, showLetters } from '../src/terminal/letters.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'conducktor-letters-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const letter = (id: string, text: string) =>
  writeFileSync(
    join(dir, 'mail', `20260304T050607Z_mai_${id}.txt`),
    `To: pat@example.com\nSubject: A letter\nMessage-ID: <x@y>\n\n${text}`,
  );

test('letters that come are shown once each, those before are not, and none moves the cursor', async () => {
  mkdirSync(join(dir, 'mail'));
  letter('old', 'Old.\n');
  const shown: string[] = [];
  const stop = showLetters(join(dir, 'mail'), (text) => shown.push(text));
  letter('new', 'First \u001b[2Jline.\n\nhttps://x.example/verify?token=abc\n');
  writeFileSync(join(dir, 'mail', '.20260304T050607Z_mai_half.txt'), 'To: x');
  await vi.waitFor(() => expect(shown).toHaveLength(1));
  stop();
  expect(shown[0]).toBe(
    '\n  ┌ Letter\n  │ To: pat@example.com\n  │ Subject: A letter\n  │\n  │ First line.\n  │\n  │ https://x.example/verify?token=abc\n  └\n',
  );
  expect(lettersIn(join(dir, 'mail'))).toHaveLength(2);
});

test('a folder that is not there has no letters', () => {
  expect(lettersIn(join(dir, 'nothing'))).toEqual([]);
});
