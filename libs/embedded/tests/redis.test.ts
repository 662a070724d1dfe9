import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRedis } from '../src/redis.js';
import { findRedis } from '../src/redis-files.js';
import { hasApt } from '../src/debian.js';
import { temporaryDirectory } from './temporary.js';

function ask(url: string, ...commands: string[]): Promise<string> {
  const { port, password } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const lines = [...(password ? [`AUTH ${password}`] : []), ...commands, 'QUIT'];
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write(lines.join('\r\n') + '\r\n'),
    );
    socket
      .on('data', (chunk) => (answer += chunk.toString()))
      .on('close', () => resolve(answer))
      .on('error', reject);
  });
}

test('what was written survives a stop, and the password is asked for', async () => {
  const dir = temporaryDirectory();
  const first = await startRedis({ dir });
  expect(await ask(first.url, 'SET answer 42')).toContain('+OK\r\n+OK');
  expect(await ask(`redis://127.0.0.1:${first.port}`, 'GET answer')).toContain('NOAUTH');
  await first.stop();
  const second = await startRedis({ dir });
  expect(await ask(second.url, 'GET answer')).toContain('42');
  await second.stop();
});

test('without apt and without a server the sentence says how to install one', async () => {
  const path = process.env.PATH;
  process.env.PATH = '/nonexistent';
  try {
    await expect(findRedis({ path: '/nonexistent' })).rejects.toThrow(
      /needs a redis-server or valkey-server of at least 6\.2 .*install it with .* and start again\.$/,
    );
  } finally {
    process.env.PATH = path;
  }
});

// Downloads 2 MB of Debian packages: the only way to see that what is unpacked really starts.
test.runIf(await hasApt())(
  'on Debian a private copy is unpacked, and nothing is installed',
  { timeout: 120_000 },
  async () => {
    const dir = temporaryDirectory();
    const before = readFileSync('/var/lib/dpkg/status', 'utf8');
    const dpkgStatus = join(dir, 'status');
    const without = /^Package: (redis.*|liblua5.*|lua-.*|libjemalloc2|libhiredis.*|liblzf1)$/m;
    writeFileSync(
      dpkgStatus,
      before
        .split('\n\n')
        .filter((entry) => !without.test(entry))
        .join('\n\n'),
    );
    const files = await findRedis({ path: '/nonexistent', privateDir: dir, dpkgStatus });
    expect(files.program.startsWith(dir)).toBe(true);
    expect(files.env['LD_LIBRARY_PATH']).toContain(dir);
    expect(readFileSync('/var/lib/dpkg/status', 'utf8')).toBe(before);
    // A second search finds it at once.
    const started = Date.now();
    expect(await findRedis({ path: '/nonexistent', privateDir: dir })).toEqual(files);
    expect(Date.now() - started).toBeLessThan(2_000);
  },
);
