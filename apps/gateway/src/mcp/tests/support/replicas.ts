import { createTestDatabase } from '@conducktor/testing';
import { connected, newSessionKey, startGateway, type TestGatewayOptions } from './gateway.js';

/** Two gateways that share sessions through a real Redis. */
export async function startReplicas(options: TestGatewayOptions = {}) {
  const database = await createTestDatabase();
  const shared = { ...options, redisUrl: database.redisUrl, sessionKey: newSessionKey() };
  const start = async () => {
    const gateway = await startGateway(shared);
    await connected(gateway);
    return gateway;
  };
  const [a, b] = [await start(), await start()];
  return {
    a,
    b,
    /** Another one, to be closed by whoever asked for it. */
    start,
    redisUrl: database.redisUrl,
    close: async () => {
      await Promise.all([a.close(), b.close()]);
      await database.drop();
    },
  };
}
