import {
  createServer,
  request as send,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RoundRobin {
  readonly url: string;
  /** Requests passed on to each target, in the order of targets. */
  readonly served: readonly number[];
  close(): Promise<void>;
}

/**
 * An HTTP load balancer without sticky sessions: each request goes to the next target. One that cannot
 * be connected to is passed over, as balancers do; whatever was sent is never sent again. A target that
 * dies while it answers ends the client's connection.
 */
export async function startRoundRobin(
  targets: readonly { host?: string; port: number }[],
): Promise<RoundRobin> {
  const served = targets.map(() => 0);
  let turn = 0;

  const pass = (
    incoming: IncomingMessage,
    answer: ServerResponse,
    at: number,
    tries: number,
  ): void => {
    const target = targets[at]!;
    const outgoing = send({
      host: target.host ?? '127.0.0.1',
      port: target.port,
      method: incoming.method!,
      path: incoming.url!,
      headers: incoming.headers,
      agent: false,
    });
    let connected = false;
    outgoing.on('socket', (socket) =>
      socket.once('connect', () => {
        connected = true;
        served[at]!++;
        // Only now: what was read from the client cannot be read again for another target.
        incoming.pipe(outgoing);
      }),
    );
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode!, response.rawHeaders);
      response.pipe(answer);
      response.on('error', () => answer.destroy());
      response.on('close', () => response.complete || answer.destroy());
    });
    outgoing.on('error', () => {
      if (!connected && tries + 1 < targets.length)
        return pass(incoming, answer, (at + 1) % targets.length, tries + 1);
      if (answer.headersSent || connected) return void answer.destroy();
      answer.writeHead(502, { 'content-type': 'text/plain' }).end('No gateway answers.');
    });
    answer.on('close', () => outgoing.destroy());
  };

  const server = createServer((incoming, answer) =>
    pass(incoming, answer, turn++ % targets.length, 0),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
