import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { readOptions, UsageError } from '../src/options.js';
import { policy } from '../src/policy/policy.js';

/** Runs `conducktor policy …` with a file that holds this document. */
async function run(command: string, document: string, ...rest: string[]) {
  const file = join(mkdtempSync(join(tmpdir(), 'policy-')), 'policy.yaml');
  writeFileSync(file, document);
  let said = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString();
      done();
    },
  });
  const options = readOptions([command, file, '--data', '/nowhere', ...rest], {}, 2);
  const status = await policy(options, { env: {}, out });
  return { status, said };
}

const POLICY = `
version: 1
default: allow-read
rules:
  - { id: mail, when: { tools: ['mail_*'] }, effect: allow }
tests:
  - { name: mail goes, call: { tool: mail_send }, expect: allow, rule: mail }
  - { name: nothing else, call: { tool: crm_update }, expect: deny }
`;

test('the tests of a document run without a Conducktor', async () => {
  const { status, said } = await run('test', POLICY);
  expect(said).toContain('✓ mail goes: Allowed by the rule "mail".');
  expect(said).toContain('2 passed, 0 failed');
  expect(status).toBe(0);
});

test('a test that fails says what came instead, and ends with status 1', async () => {
  const wrong = POLICY.replace('expect: deny', 'expect: allow');
  const { status, said } = await run('test', wrong, '--json');
  expect(status).toBe(1);
  expect(JSON.parse(said)).toMatchObject({
    passed: 1,
    failed: 1,
    tests: [{ passed: true }, { passed: false }],
  });
});

test('a document that cannot work names rule and field', async () => {
  await expect(
    run('test', 'version: 1\ndefault: allow\nrules: [{ id: r, effect: no }]'),
  ).rejects.toThrow('Rule "r", effect');
});

test('without a Conducktor to ask, and without words, it says what is missing', async () => {
  await expect(run('simulate', POLICY)).rejects.toThrow('No Conducktor runs in /nowhere');
  await expect(run('simulate', POLICY, '--url', 'http://127.0.0.1:1')).rejects.toThrow(
    'CONDUCKTOR_API_KEY',
  );
  await expect(run('guess', POLICY)).rejects.toThrow(UsageError);
  await expect(run('simulate', POLICY, '--days', '0')).rejects.toThrow('--days');
});
