import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What happens to bytes that pass:
 *   pass       – nothing
 *   slow       – each chunk waits `delayMs`
 *   half-open  – bytes towards the client are swallowed, as if the network had lost the other side
 *   reset      – new and open connections are ended with RST
 *   cut        – connections end in the middle of the next answer, after `cutAfter` bytes of it
 *   refuse     – nobody listens
 */
export type Fault = 'pass' | 'slow' | 'half-open' | 'reset' | 'cut' | 'refuse';

export interface FaultProxy {
  readonly port: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  set(fault: Fault, options?: { delayMs?: number; cutAfter?: number }): Promise<void>;
  close(): Promise<void>;
}

/** A TCP proxy on loopback between two services whose behaviour a test can spoil while it runs. */
export async function startFaultProxy(target: {
  host?: string;
  port: number;
  listen?: number;
}): Promise<FaultProxy> {
  let fault: Fault = 'pass';
  let delayMs = 100;
  let cutAfter = 1;
  let accepted = 0;
  const pairs = new Set<{ near: Socket; far: Socket }>();

  const server = createServer({ noDelay: true }, (near) => {
    accepted++;
    if (fault === 'reset') return void near.resetAndDestroy();
    const far = connect({ host: target.host ?? '127.0.0.1', port: target.port, noDelay: true });
    const pair = { near, far };
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const socket of [near, far]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    near.on('data', (chunk) => pass(chunk, near, far));
    far.on('data', (chunk) => {
      if (fault === 'half-open') return;
      if (fault === 'cut') {
        near.write(chunk.subarray(0, cutAfter), end);
        return;
      }
      pass(chunk, far, near);
    });
  });

  function pass(chunk: Buffer, from: Socket, to: Socket): void {
    const write = () => {
      // One slow reader must not make the proxy hold everything in memory.
      if (!to.destroyed && !to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    };
    if (fault === 'slow') setTimeout(write, delayMs);
    else write();
  }

  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(target.listen ?? 0);
  const { port } = server.address() as AddressInfo;
  const endAll = (how: (socket: Socket) => void) => {
    for (const { near, far } of pairs) {
      how(near);
      far.destroy();
    }
    pairs.clear();
  };
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));

  return {
    port,
    get accepted() {
      return accepted;
    },
    set: async (next, options = {}) => {
      const wasRefusing = fault === 'refuse';
      fault = next;
      delayMs = options.delayMs ?? delayMs;
      cutAfter = options.cutAfter ?? cutAfter;
      if (next === 'reset') endAll((socket) => socket.resetAndDestroy());
      if (next === 'refuse' && !wasRefusing) {
        endAll((socket) => socket.destroy());
        await close();
      }
      if (wasRefusing && next !== 'refuse') await listen(port);
    },
    close: async () => {
      endAll((socket) => socket.destroy());
      if (fault !== 'refuse') await close();
    },
  };
}
