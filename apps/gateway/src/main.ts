import 'reflect-metadata';
import { gatewayEnv, loadConfigOrExit } from '@conducktor/config';
import {
  createLogger,
  deriveKey,
  drainable,
  endOnSignals,
  onShutdown,
  STOPPING,
} from '@conducktor/runtime';
import { waitForDatabase } from '@conducktor/db';
import { openObservability } from '@conducktor/telemetry';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { GatewayModule, GOVERNED } from './app.module.js';
import { addRoutes, createHttpServer } from './http-server.js';
import { createInFlight } from './mcp/in-flight.js';
import type { Governed } from './open-governed.js';
import { streamMetrics } from './telemetry/process-metrics.js';
import { openSessions } from './sessions/open-sessions.js';

const config = loadConfigOrExit(gatewayEnv);
const logger = createLogger('gateway', config.LOG_LEVEL);
const seen = await openObservability({ service: 'gateway', config, logger });
await waitForDatabase(config, logger);
const http = createHttpServer();
const drain = drainable(http.server);
const app = await NestFactory.create<NestFastifyApplication>(
  GatewayModule.with(config, logger, seen),
  new FastifyAdapter(http),
  { logger: false, bodyParser: false },
);
const governed = app.get<Governed>(GOVERNED);
const sessions = openSessions({
  key: deriveKey(config.SECRET_KEY, 'sessions'),
  redisUrl: config.REDIS_URL,
});

await addRoutes(http, {
  publicUrl: config.PUBLIC_URL,
  corsOrigins: config.CORS_ORIGINS,
  trustedProxies: config.TRUSTED_PROXIES,
  onMissedProxy: (peer) =>
    logger.warn(
      { peer },
      'A proxy that is not in TRUSTED_PROXIES forwards requests: everybody behind it counts as one address in limits and records',
    ),
  allowLoopback: config.ENVIRONMENT !== 'production',
  readiness: () => (drain.stopping ? STOPPING : governed.missing()),
  gate: governed.gate,
  drainMs: (config.SHUTDOWN_SECONDS - config.DRAIN_DELAY_SECONDS) * 1000 - 4_000,
  endpoint: {
    mcp: governed.mcp,
    sessions,
    inFlight: createInFlight(sessions.bus),
    onFault: (error) => logger.error({ err: error }, 'An MCP request failed inside the gateway'),
  },
  onStreams: (streams) => streamMetrics(seen.registry, streams),
  services:
    config.AUTH_URL && config.CONTROL_URL
      ? {
          authUrl: config.AUTH_URL,
          controlUrl: config.CONTROL_URL,
          onFault: (error, service) => logger.warn({ err: error, service }, 'Forwarding failed'),
        }
      : undefined,
});
await app.listen(config.PORT, config.HOST);

// In reverse: nothing new is taken, what runs is answered, and only then the journal closes.
onShutdown('observability', () => seen.stop());
onShutdown('governed', () => governed.stop());
onShutdown('sessions', () => sessions.stop());
onShutdown('http', () => drain.runFor(config, () => app.close(), logger));
endOnSignals(logger, config.SHUTDOWN_SECONDS * 1000);
logger.info({ port: config.PORT, publicUrl: config.PUBLIC_URL }, 'Gateway is listening');
