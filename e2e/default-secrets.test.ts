// CVE-2026-53709: no service starts with the environment of a sample, and none says what it refused.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/stack.js';

const SERVICES = ['gateway', 'auth', 'control', 'connector-worker', 'audit'];
const sound = {
  PORT: '1',
  RPC_PORT: '1',
  WORKERS: '127.0.0.1:1',
  SECRET_KEY: 'q8Zt5Xn2Lw9Rb4Vy7Kc1Hm6Pd3Gs0Jf8Ta5Ue2Wo9Xi',
  DATABASE_URL: 'postgres://app:q8Zt5Xn2Lw9Rb4Vy@127.0.0.1:1/conducktor',
  REDIS_URL: 'redis://:q8Zt5Xn2Lw9Rb4Vy@127.0.0.1:1',
};
const SAMPLES: [what: string, env: Record<string, string>, value: string][] = [
  ['nothing set', { SECRET_KEY: '', DATABASE_URL: '', REDIS_URL: '' }, ''],
  ['a sample key', { SECRET_KEY: 'changeme-changeme-changeme-changeme-changeme' }, 'changeme-'],
  ['a key of zeros', { SECRET_KEY: Buffer.alloc(32).toString('base64url') }, 'AAAAAA'],
  [
    'a sample password of Postgres',
    { DATABASE_URL: 'postgres://postgres:postgres@127.0.0.1:1/c' },
    'postgres:postgres',
  ],
  ['a sample password of Redis', { REDIS_URL: 'redis://:password@127.0.0.1:1' }, ':password@'],
];

test('with the environment of a sample every service ends at once, and says why without the value', async () => {
  // One sample for each: which are refused is shown for every schema beside the schemas.
  const ends = await Promise.all(
    SERVICES.map((service, n) => start(service, { ...sound, ...SAMPLES[n]![1] })),
  );
  for (const [n, { service, code, text }] of ends.entries()) {
    const [what, , value] = SAMPLES[n]!;
    // EX_CONFIG of sysexits(3).
    expect([service, what, code], text).toEqual([service, what, 78]);
    expect(text, what).toMatch(/is not set|sample or default secret/);
    if (value !== '') expect(text, what).not.toContain(value);
  }
}, 120_000);

function start(service: string, env: Record<string, string>) {
  return new Promise<{ service: string; code: number | null; text: string }>((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, `apps/${service}/dist/main.js`)], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 100_000,
      killSignal: 'SIGKILL',
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (text += String(chunk)));
    child.once('close', (code) => resolve({ service, code, text }));
  });
}
