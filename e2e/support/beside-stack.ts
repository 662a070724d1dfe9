import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './stack.js';

/** The environment of a further service of a running stack: its database, Redis and keys, a port of its own. */
export function besideStack(stack: Stack, role: string, port: number): Record<string, string> {
  const secret = (file: string) =>
    JSON.parse(readFileSync(join(stack.dataDir, file), 'utf8')) as Record<string, string>;
  const password = secret('postgres-passwords.json')[role];
  return {
    PATH: process.env.PATH!,
    ENVIRONMENT: 'embedded',
    LOG_LEVEL: 'warn',
    PUBLIC_URL: stack.publicUrl,
    PORT: String(port),
    SECRET_KEY: secret('secrets.json')['SECRET_KEY']!,
    DATABASE_URL: `postgres://${role}:${password}@127.0.0.1:${stack.portBase + 10}/conducktor`,
    REDIS_URL: `redis://:${secret('redis-password.json')['redis']}@127.0.0.1:${stack.portBase + 11}`,
  };
}
