import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authEnv, loadConfig } from '@conducktor/config';
import { createDb } from '@conducktor/db';
import { createOutbound } from '@conducktor/outbound';
import { createLogger } from '@conducktor/runtime';
import { startNamedServers, type NamedHandler, type NamedServers } from '@conducktor/testing';
import { createApp } from '../../apps/auth/dist/create-app.js';
import { freePort, startOwnGateway } from './own-gateway.js';
import type { Stack } from './stack.js';

/** One origin of its own on a running stack, whose sign-in meets named servers where strangers point. */
export interface OwnInstallation {
  publicUrl: string;
  mcp: string;
  servers: NamedServers;
  close(): Promise<void>;
}

/**
 * A gateway in front of an auth service in this process, beside those of the stack, with which they
 * share everything else. `names` stand for hosts on the internet; `env` is for auth.
 */
export async function startOwnInstallation(
  stack: Stack,
  names: Record<string, NamedHandler>,
  env: Record<string, string> = {},
): Promise<OwnInstallation> {
  const secret = (file: string) =>
    JSON.parse(readFileSync(join(stack.dataDir, file), 'utf8')) as Record<string, string>;
  const [port, authPort] = [await freePort(), await freePort()];
  const publicUrl = `http://localhost:${port}`;
  const password = secret('postgres-passwords.json')['conducktor_auth'];
  const config = loadConfig(authEnv, {
    ENVIRONMENT: 'embedded',
    PUBLIC_URL: publicUrl,
    PORT: String(authPort),
    SECRET_KEY: secret('secrets.json')['SECRET_KEY'],
    DATABASE_URL: `postgres://conducktor_auth:${password}@127.0.0.1:${stack.portBase + 10}/conducktor`,
    REDIS_URL: `redis://:${secret('redis-password.json')['redis']}@127.0.0.1:${stack.portBase + 11}`,
    ...env,
  });
  const servers = await startNamedServers(names);
  const outbound = createOutbound({ ...servers.outbound });
  const db = createDb(config.DATABASE_URL);
  const logger = createLogger('auth', 'fatal');
  const auth = await createApp({ config, db, logger, outbound });
  await auth.listen(authPort, '127.0.0.1');
  const gateway = await startOwnGateway(
    stack,
    {
      PUBLIC_URL: publicUrl,
      AUTH_URL: `http://127.0.0.1:${authPort}`,
      CONTROL_URL: `http://127.0.0.1:${stack.portBase + 2}`,
    },
    port,
  );
  return {
    publicUrl,
    mcp: `${publicUrl}/mcp`,
    servers,
    close: async () => {
      await gateway.kill();
      await auth.close();
      await Promise.all([db.end(), outbound.close(), servers.close()]);
    },
  };
}
