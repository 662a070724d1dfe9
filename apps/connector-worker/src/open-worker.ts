import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerConfig } from '@conducktor/config';
import type { RefreshRequest, RefreshResult } from '@conducktor/contracts';
import { createDb, databaseReadiness } from '@conducktor/db';
import { createOutbound } from '@conducktor/outbound';
import {
  dependencyMetrics,
  deriveKey,
  type Logger,
  Outcomes,
  type Readiness,
  type Registry,
  RpcServer,
  STOPPING,
} from '@conducktor/runtime';
import type { Tracer } from '@conducktor/telemetry';
import { createVault } from '@conducktor/vault';
import { CallExecutor } from './calls/call-executor.js';
import { refreshConnection } from './calls/refresh.js';
import { CatalogueRefresh } from './catalogue/catalogue-refresh.js';
import { ConnectionLoader } from './connections/connection-loader.js';
import type { OnListsChanged, OnServer } from './connector.js';
import { HttpConnector } from './http/http-connector.js';
import { SseConnector } from './sse/sse-connector.js';
import { loadCatalogue } from './stdio/catalogue.js';
import { probeSandbox, type Sandbox } from './stdio/sandbox.js';
import { StdioConnector } from './stdio/stdio-connector.js';
import { CallObserver, processMetrics } from './telemetry/call-observer.js';
import { Watches } from './watches/watches.js';

/** Far above what one upstream serves well; below what would fill the memory. */
const CONCURRENCY = { 'mcp-http': 256, 'mcp-sse': 256, 'mcp-stdio': 32 } as const;
/** Open streams to one origin: as many as the connectors keep sessions in all. */
const MAX_STREAMS = 2_000;
/** Of the time that the process has to end, for upstreams and what gateways have not made durable yet. */
const CLOSE_MS = 2_000;
const HAND_OVER_MS = 2_000;

export interface Worker {
  /** Whether stdio servers run in a sandbox, in words. */
  readonly sandbox: string;
  readonly rpcPort: number;
  readiness: Readiness;
  stop(): Promise<void>;
}

export type WorkerSettings = Pick<
  WorkerConfig,
  | 'HOST'
  | 'RPC_PORT'
  | 'RPC_SOCKET'
  | 'SECRET_KEY'
  | 'DATABASE_URL'
  | 'STDIO_CATALOG'
  | 'OUTBOUND_ALLOW'
  | 'OUTBOUND_DENY_PORTS'
  | 'SERVER_TIMEOUT'
  | 'MAX_CONCURRENT_SERVERS'
  | 'CONNECTION_POOL_SIZE'
  | 'SHUTDOWN_SECONDS'
>;

/** Puts the worker together and listens for calls; throws one sentence when it cannot. */
export async function openWorker(
  config: WorkerSettings,
  logger: Logger,
  seen?: { registry: Registry; tracer: Tracer | undefined },
): Promise<Worker> {
  const catalogue = loadCatalogue(config.STDIO_CATALOG);
  const rules = {
    allow: config.OUTBOUND_ALLOW,
    denyPorts: [...config.OUTBOUND_DENY_PORTS, config.RPC_PORT],
  };
  const outbound = createOutbound({ ...rules, connections: config.CONNECTION_POOL_SIZE });
  // Streams that stay open would leave no connection for the calls.
  const streams = createOutbound({ ...rules, connections: MAX_STREAMS, maxResponseBytes: -1 });
  const sandbox = await probeSandbox();
  if (sandbox.missing && catalogue.size > 0)
    logger.warn({ reason: sandbox.missing }, 'Stdio servers run without a sandbox');

  const db = createDb(config.DATABASE_URL, { name: 'conducktor-worker', max: 5 });
  const vault = createVault({ kek: deriveKey(config.SECRET_KEY, 'kek'), db });
  const handshakeMs = config.SERVER_TIMEOUT * 1000;
  const onListsChanged: OnListsChanged = (connection, list) => {
    watches.listsChanged(connection, list);
    if (list === 'tools') catalogueRefresh.changed(connection.tenantId, connection.id);
  };
  const onServer: OnServer = (connection, server) => catalogueRefresh.said(connection, server);
  const connectors = {
    'mcp-http': new HttpConnector({ outbound, streams, handshakeMs, onListsChanged, onServer }),
    'mcp-sse': new SseConnector({ outbound, streams, handshakeMs, onListsChanged, onServer }),
    'mcp-stdio': new StdioConnector({
      catalogue,
      sandbox,
      stateRoot: join(dirname(config.STDIO_CATALOG ?? '/nonexistent/catalog.json'), 'stdio-state'),
      maxServers: config.MAX_CONCURRENT_SERVERS,
      handshakeMs,
      logger,
      onListsChanged,
      onServer,
    }),
  };
  const loader = new ConnectionLoader({ db, vault });
  const watches = new Watches({ loader, connectors, logger });
  const list = (request: RefreshRequest): Promise<RefreshResult> =>
    refreshConnection({ loader, connectors, logger }, request);
  const catalogueRefresh = new CatalogueRefresh({ db, list, logger });
  const outcomes = new Outcomes((count, reason) =>
    logger.error({ count, reason }, 'Outcomes were dropped before they were committed'),
  );
  const executor = new CallExecutor({
    loader,
    connectors,
    outcomes,
    logger,
    concurrency: CONCURRENCY,
    observer: seen && new CallObserver(seen.registry, seen.tracer),
    tracer: seen?.tracer,
  });
  if (seen) {
    processMetrics(seen.registry, {
      inFlight: () => executor.inFlight,
      outcomesKept: () => outcomes.size,
      breakers: () => executor.breakers(),
    });
    dependencyMetrics(seen.registry, { postgres: () => db.pool.query('select 1') });
  }

  const rpc = await RpcServer.listen({
    listen: { host: config.HOST, port: config.RPC_PORT },
    socket: config.RPC_SOCKET,
    key: deriveKey(config.SECRET_KEY, 'rpc'),
    handlers: {
      call: (request, exchange) => executor.call(request, exchange),
      resume: (request, exchange) => executor.resume(request, exchange),
      watch: (request, stream) => watches.watch(request, stream),
      refresh: list,
      committed: (callIds) => outcomes.committed(callIds),
      joined: (peer) => {
        logger.info({ peer: peer.instanceId }, 'Joined');
        outcomes.joined(peer);
      },
      left: (peer) => {
        logger.info({ peer: peer.instanceId }, 'Left');
        outcomes.left(peer);
      },
    },
    onRefused: (reason) => logger.warn({ reason }, 'An RPC connection was closed'),
  });

  const postgres = databaseReadiness(db);
  let stopping: Promise<void> | undefined;
  return {
    sandbox: describe(sandbox),
    rpcPort: rpc.port,
    readiness: () => (stopping ? STOPPING : postgres()),
    stop: () => (stopping ??= stop()),
  };

  async function stop(): Promise<void> {
    rpc.leave();
    await executor.drain(config.SHUTDOWN_SECONDS * 1000 - CLOSE_MS - HAND_OVER_MS - 500);
    await outcomes.handOver(HAND_OVER_MS);
    // A server that is just starting is not waited for; it dies with the process.
    const closed = Promise.all([
      ...Object.values(connectors).map((connector) => connector.close()),
      catalogueRefresh.close(),
    ]);
    await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    await rpc.close();
    outcomes.close();
    await Promise.all([outbound.close(), streams.close()]);
    await db.end();
  }
}

function describe(sandbox: Sandbox): string {
  return sandbox.missing === undefined ? 'bubblewrap' : `none: ${sandbox.missing}`;
}
