import { deriveKey, drainable } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { addRoutes, createHttpServer, type HttpServerOptions } from '../../../http-server.js';
import { openSessions, type Sessions } from '../../../sessions/open-sessions.js';
import { createInFlight, type InFlight } from '../../in-flight.js';
import type { GovernedMcp } from '../../ports.js';
import { SmallGoverned } from './small-governed.js';

/** Not the address the tests use: those come by loopback, which is allowed beside it. */
export const PUBLIC_URL = 'https://mcp.example.test';
/** Nobody listens there: whatever works in a test without Redis works without Redis. */
export const NO_REDIS = 'redis://127.0.0.1:9';

export interface TestGateway {
  url: string;
  mcp: string;
  governed: SmallGoverned;
  inFlight: InFlight;
  sessions: Sessions;
  faults: unknown[];
  app: FastifyInstance;
  close(): Promise<void>;
}

export interface TestGatewayOptions extends Partial<HttpServerOptions> {
  /** What stands behind it; absent: `governed`. */
  mcp?: GovernedMcp;
  redisUrl?: string;
  /** Gateways with the same key are replicas of each other. */
  sessionKey?: Buffer;
  askDeadlineMs?: number;
  stalledMs?: number;
}

/** The gateway's real HTTP side on a free loopback port, with a small `GovernedMcp` behind it. */
export async function startGateway({
  mcp,
  redisUrl = NO_REDIS,
  sessionKey = newSessionKey(),
  askDeadlineMs,
  stalledMs,
  ...options
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const app = createHttpServer();
  const governed = new SmallGoverned();
  const sessions = openSessions({ key: sessionKey, redisUrl });
  const inFlight = createInFlight(sessions.bus);
  const faults: unknown[] = [];
  await addRoutes(app, {
    publicUrl: PUBLIC_URL,
    corsOrigins: ['https://chatgpt.com'],
    allowLoopback: true,
    readiness: () => [],
    endpoint: {
      mcp: mcp ?? governed,
      sessions,
      inFlight,
      askDeadlineMs,
      stalledMs,
      onFault: (error) => faults.push(error),
    },
    ...options,
  });
  const drain = drainable(app.server);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const close = async () => {
    await drain.run({ delayMs: 0, limitMs: 20_000, close: () => app.close() });
    sessions.stop();
  };
  return { url, mcp: `${url}/mcp`, governed, inFlight, sessions, faults, app, close };
}

export const newSessionKey = () => deriveKey(randomBytes(32).toString('base64url'), 'sessions');

/** Until the gateway's connections to Redis are there. */
export async function connected({ sessions }: TestGateway): Promise<void> {
  while (sessions.store.epoch === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
