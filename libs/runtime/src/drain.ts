/** Ends an HTTP server so that every request that has begun is answered, and nothing else is waited for. */
import { subscribe } from 'node:diagnostics_channel';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './logger.js';

const SWEEP_MS = 50;
/**
 * So long at least answers say `connection: close` before connections are closed. A connection that is
 * closed while it seems idle may have the next request on its way, which is lost then (RFC 9112, section
 * 9.5); after this time only those are left that were not used for as long.
 */
const LINGER_MS = 300;
/** A connection that was opened ahead and never used does not count as idle for Node. */
const UNUSED_MS = 1_000;

/** Of the time that a process has to end, for what comes after its last answer. */
const RESERVE_MS = 3_000;

export interface DrainOptions {
  /** Milliseconds in which everything is still taken, until load balancers have heard of it. */
  delayMs: number;
  /** Milliseconds for all of it; then connections are cut. */
  limitMs: number;
  /** Takes no new connections, and resolves when those there are have ended. */
  close(): Promise<unknown>;
}

export interface Drain {
  readonly stopping: boolean;
  /** Resolves with how many connections had to be cut. */
  run(options: DrainOptions): Promise<number>;
  /** The same, by the settings of a service. */
  runFor(
    config: { DRAIN_DELAY_SECONDS: number; SHUTDOWN_SECONDS: number },
    close: DrainOptions['close'],
    logger: Logger,
  ): Promise<void>;
}

/** Watches the connections of a server that does not listen yet. */
export function drainable(server: Server): Drain {
  const connections = new Map<Socket, { since: number; response: ServerResponse | undefined }>();
  let stopping = false;
  server.on('connection', (socket) => {
    connections.set(socket, { since: performance.now(), response: undefined });
    socket.once('close', () => connections.delete(socket));
  });
  // Told before the request's handler, whoever that is by then, which may answer at once.
  subscribe('http.server.request.start', (message) => {
    const begun = message as { server: Server; socket: Socket; response: ServerResponse };
    if (begun.server !== server) return;
    const connection = connections.get(begun.socket);
    if (connection) connection.response = begun.response;
    if (stopping) begun.response.shouldKeepAlive = false;
  });

  const sweep = () => {
    server.closeIdleConnections();
    const longAgo = performance.now() - UNUSED_MS;
    for (const [socket, { since }] of connections)
      if (socket.bytesRead === 0 && since < longAgo) socket.destroy();
  };

  const drain: Drain = {
    get stopping() {
      return stopping;
    },
    async runFor(config, close, logger) {
      const cut = await drain.run({
        delayMs: config.DRAIN_DELAY_SECONDS * 1000,
        limitMs: config.SHUTDOWN_SECONDS * 1000 - RESERVE_MS,
        close,
      });
      if (cut > 0) logger.warn({ connections: cut }, 'Requests took too long and were cut off');
    },
    async run({ delayMs, limitMs, close }) {
      const until = performance.now() + limitMs;
      stopping = true;
      for (const { response } of connections.values())
        if (response && !response.headersSent) response.shouldKeepAlive = false;
      await lingered(Math.min(delayMs, limitMs), () => connections.size === 0);

      const timer = setInterval(sweep, SWEEP_MS);
      const left = Math.max(0, until - performance.now());
      const ended = await Promise.race([
        close().then(() => true),
        sleep(left, false, { ref: false }),
      ]);
      clearInterval(timer);
      if (ended) return 0;
      const cut = connections.size;
      server.closeAllConnections();
      return cut;
    },
  };
  return drain;
}

/** The delay, and a moment more while anybody is connected. */
async function lingered(delayMs: number, alone: () => boolean): Promise<void> {
  await sleep(delayMs);
  for (let waited = delayMs; waited < LINGER_MS && !alone(); waited += SWEEP_MS)
    await sleep(SWEEP_MS);
}
