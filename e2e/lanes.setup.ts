import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Port on loopback where test files ask for their lanes. */
    lanes: number;
  }
}

/**
 * Gives each lane to one connection at a time, in the order in which they ask. A connection sends the name
 * of a lane and a line end, is told `yours` when it has it, and gives it back by closing.
 */
export default async function setup(project: TestProject): Promise<() => void> {
  const lanes = new Map<string, Socket[]>();
  const server = createServer((socket) => {
    let name = '';
    socket.unref();
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      name += String(chunk);
      if (!name.endsWith('\n')) return;
      const queue = lanes.get(name) ?? [];
      lanes.set(name, queue);
      queue.push(socket);
      if (queue[0] === socket) socket.write('yours');
      socket.once('close', () => {
        const held = queue[0] === socket;
        queue.splice(queue.indexOf(socket), 1);
        if (held) queue[0]?.write('yours');
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  project.provide('lanes', (server.address() as AddressInfo).port);
  // Nothing that still waits keeps the run from ending.
  server.unref();
  return () => void server.close();
}
