import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { REPOSITORY } from '../stack/layout.js';
import type { ServiceSpec } from '../stack/service.js';

/** The reference server "everything" over Streamable HTTP, as somebody else's service on this machine. */
export function everythingService(port: number, log: string): ServiceSpec {
  return {
    name: 'everything',
    port,
    log,
    health: false,
    cwd: REPOSITORY,
    // By itself it would listen on every address of the machine.
    args: [
      '--import',
      new URL('./loopback-only.js', import.meta.url).href,
      programOf('@modelcontextprotocol/server-everything'),
      'streamableHttp',
    ],
    // One of its tools shows its environment.
    env: { PATH: process.env['PATH'], PORT: String(port) },
  };
}

/** The file that `bin` of an installed package names. */
export function programOf(name: string): string {
  const require = createRequire(join(REPOSITORY, 'package.json'));
  const manifest = require.resolve(`${name}/package.json`);
  const { bin } = require(manifest) as { bin: string | Record<string, string> };
  return join(dirname(manifest), typeof bin === 'string' ? bin : Object.values(bin)[0]!);
}
