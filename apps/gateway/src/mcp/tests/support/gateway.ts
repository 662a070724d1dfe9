import { deriveKey } from '@conducktor/runtime';
import type { FastifyInstance } from 'fastify';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { drainable } from '../../../drain.js';
import { addRoutes, createHttpServer, type HttpServerOptions } from '../../../http-server.js';
import { createInFlight, type InFlight } from '../../in-flight.js';
import { createSessions } from '../../sessions.js';
import { SmallGoverned } from './small-governed.js';

/** Not the address the tests use: those come by loopback, which is allowed beside it. */
export const PUBLIC_URL = 'https://mcp.example.test';

export interface TestGateway {
  url: string;
  mcp: string;
  governed: SmallGoverned;
  inFlight: InFlight;
  faults: unknown[];
  app: FastifyInstance;
  close(): Promise<void>;
}

/** The gateway's real HTTP side on a free loopback port, with a small `GovernedMcp` behind it. */
export async function startGateway(options: Partial<HttpServerOptions> = {}): Promise<TestGateway> {
  const app = createHttpServer();
  const governed = new SmallGoverned();
  const inFlight = createInFlight();
  const faults: unknown[] = [];
  await addRoutes(app, {
    publicUrl: PUBLIC_URL,
    corsOrigins: ['https://chatgpt.com'],
    allowLoopback: true,
    readiness: () => undefined,
    endpoint: {
      mcp: governed,
      sessions: createSessions(deriveKey(randomBytes(32).toString('base64url'), 'sessions')),
      inFlight,
      onFault: (error) => faults.push(error),
    },
    ...options,
  });
  const close = drainable(app, () => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { url, mcp: `${url}/mcp`, governed, inFlight, faults, app, close };
}
