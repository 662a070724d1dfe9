import type { RefreshRequest, RefreshResult } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
import type { ConnectionLoader } from '../connections/connection-loader.js';
import { withoutSecrets } from '../connections/without-secrets.js';
import {
  type ConnectionKind,
  type Connector,
  type LoadedConnection,
  UpstreamFailure,
} from '../connector.js';

/** All of connecting and listing; a person waits for it. */
const REFRESH_MS = 60_000;

/** Connects a connection afresh and lists its tools as the upstream gives them. Never rejects. */
export async function refreshConnection(
  deps: {
    loader: ConnectionLoader;
    connectors: Readonly<Record<ConnectionKind, Connector>>;
    logger: Logger;
  },
  request: RefreshRequest,
): Promise<RefreshResult> {
  const started = performance.now();
  const result = (rest: Omit<RefreshResult, 'ms'>): RefreshResult => ({
    ...rest,
    ms: Math.round(performance.now() - started),
  });
  let connection: LoadedConnection | undefined;
  try {
    connection = await deps.loader.load(request.tenantId, request.connectionId);
    const { tools, remark, server } = await deps.connectors[connection.kind].listTools(
      connection,
      Date.now() + REFRESH_MS,
    );
    return result({
      status: remark === undefined ? 'ACTIVE' : 'DEGRADED',
      ...(remark !== undefined && { reason: remark }),
      tools,
      server,
    });
  } catch (error) {
    if (error instanceof UpstreamFailure) {
      if (error.cause)
        deps.logger.warn({ err: error.cause, ...request }, 'A connection could not be loaded');
      return result({
        status: error.kind === 'auth' ? 'AUTH_REQUIRED' : 'ERROR',
        reason: connection ? withoutSecrets(error.message, connection) : error.message,
        tools: [],
      });
    }
    deps.logger.error({ err: error, ...request }, 'Refreshing a connection failed');
    return result({
      status: 'ERROR',
      reason: 'The connector worker failed while refreshing this connection.',
      tools: [],
    });
  }
}
