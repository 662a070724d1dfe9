import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HeaderProxy {
  /** Its own origin, to be put in front of a path of the target. */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * A loopback proxy that adds a bearer token, for clients that cannot send one. Everything else passes
 * as it is, bodies as they arrive. Host and Origin that name the proxy become those of the target;
 * any other value stays, so that the target still sees who rebinds its name.
 */
export async function startHeaderProxy(target: string, token: string): Promise<HeaderProxy> {
  const { hostname, port, host: targetHost, origin: targetOrigin } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let [ownHost, ownOrigin] = ['', ''];

  const server = createServer((incoming, outgoing) => {
    const headers: string[] = [];
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      const [name, value] = incoming.rawHeaders.slice(at, at + 2) as [string, string];
      if (value === ownHost && name.toLowerCase() === 'host') headers.push(name, targetHost);
      else if (value === ownOrigin && name.toLowerCase() === 'origin')
        headers.push(name, targetOrigin);
      else headers.push(name, value);
    }
    headers.push('Authorization', `Bearer ${token}`);
    const { method, url: path } = incoming;
    const onward = httpRequest({ hostname, port, method, path, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders);
      // An event stream begins before its first event.
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  ownHost = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  ownOrigin = `http://${ownHost}`;
  return {
    origin: ownOrigin,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}
