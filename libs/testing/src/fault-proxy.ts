import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { FaultyPair, type Direction } from './faulty-pair.js';

/**
 * What happens to bytes that pass:
 *   pass       – nothing
 *   slow       – each chunk waits `delayMs`
 *   stall      – everything waits until the fault ends, and arrives then: a network that heals
 *   half-open  – bytes are swallowed, as if the network had lost the other side; a connection that
 *                lost some stays silent for good, and where what the client sends is swallowed, so is
 *                its end
 *   reset      – new and open connections are ended with RST
 *   cut        – connections end after `cutAfter` further bytes
 *   corrupt    – one byte of every `corruptEvery`, at a drawn place, is another
 *   refuse     – nobody listens
 */
export type Fault =
  | 'pass'
  | 'slow'
  | 'stall'
  | 'half-open'
  | 'reset'
  | 'cut'
  | 'corrupt'
  | 'refuse';

export interface FaultOptions {
  delayMs?: number;
  cutAfter?: number;
  corruptEvery?: number;
  /** Which bytes: `back` those towards the client (default), `forth` those from it. */
  direction?: Direction;
}

export interface FaultProxy {
  readonly port: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Bytes changed since the start. */
  readonly corrupted: number;
  set(fault: Fault, options?: FaultOptions): Promise<void>;
  close(): Promise<void>;
}

const DEFAULTS: Required<FaultOptions> = {
  delayMs: 100,
  cutAfter: 1,
  corruptEvery: 256,
  direction: 'back',
};

/** A TCP proxy on loopback between two services whose behaviour a test can spoil while it runs. */
export async function startFaultProxy(target: {
  host?: string;
  port: number;
  listen?: number;
  /** Draws the bytes to change, 0 to 1. */
  random?: () => number;
}): Promise<FaultProxy> {
  let fault: Fault = 'pass';
  let options = DEFAULTS;
  let accepted = 0;
  let corrupted = 0;
  const pairs = new Set<FaultyPair>();

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    accepted++;
    if (fault === 'reset') return void near.resetAndDestroy();
    const far = connect({
      host: target.host ?? '127.0.0.1',
      port: target.port,
      noDelay: true,
      allowHalfOpen: true,
    });
    const pair = new FaultyPair(near, far, {
      random: target.random ?? Math.random,
      onCorrupted: () => void corrupted++,
      onGone: () => pairs.delete(pair),
    });
    pairs.add(pair);
    pair.suffer(fault, options);
  });

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
    for (const pair of pairs) pair.end(how);
    pairs.clear();
  };
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));

  return {
    port,
    get accepted() {
      return accepted;
    },
    get corrupted() {
      return corrupted;
    },
    set: async (next, given = {}) => {
      const wasRefusing = fault === 'refuse';
      fault = next;
      options = { ...DEFAULTS, ...given };
      if (next === 'reset') endAll((socket) => socket.resetAndDestroy());
      for (const pair of pairs) pair.suffer(next, options);
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
