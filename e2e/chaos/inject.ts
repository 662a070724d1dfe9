import { connect } from 'node:net';
import type { Clocks } from './clocks.ts';
import type { Installation, Part } from './installation.ts';
import type { Planned } from './plan.ts';
import { backendsOf, processesOf, signal } from './processes.ts';
import type { Random } from './random.ts';
import type { SmallDisk } from './small-disk.ts';
import type { Upstream } from './upstream.ts';

export interface World {
  installation: Installation;
  upstream: Upstream;
  random: Random;
  disk: SmallDisk | undefined;
  clocks: Clocks | undefined;
}

/** Does it, and resolves when it is over, with the time from which all should be well again (Unix ms). */
export async function inject(world: World, fault: Planned): Promise<number> {
  const { installation } = world;
  switch (fault.what) {
    case 'kill':
      return kill(processesOf(installation, fault.part).slice(0, 1));
    case 'kill backend': {
      const backends = backendsOf(installation);
      return kill(backends.length > 0 ? [world.random.pick(backends)] : []);
    }
    case 'flush':
      await flushAll(installation.redisUrl);
      return Date.now();
    case 'stop': {
      const pids = processesOf(installation, fault.part);
      signal(pids, 'SIGSTOP');
      await pause(fault.ms);
      signal(pids, 'SIGCONT');
      return Date.now();
    }
    case 'wire': {
      const wire = installation.wires.get(fault.wire)!;
      await wire.set(fault.fault, fault.options);
      await pause(fault.ms);
      await wire.set('pass');
      return Date.now();
    }
    case 'upstream':
      world.upstream.misbehave(fault.mischief, fault.share);
      await pause(fault.ms);
      world.upstream.misbehave(undefined);
      return Date.now();
    case 'full disk':
      world.disk!.fill();
      await pause(fault.ms);
      world.disk!.free();
      return Date.now();
    case 'clock':
      world.clocks!.set(fault.service, fault.seconds);
      await pause(fault.ms);
      world.clocks!.set(fault.service, 0);
      return Date.now();
  }
}

/** Parts that the fault ends, so that they have to come back. */
export function endedBy(fault: Planned): Part[] {
  if (fault.what === 'kill') return [fault.part];
  return [];
}

function kill(pids: readonly number[]): number {
  const at = Date.now();
  signal(pids, 'SIGKILL');
  return at;
}

function flushAll(url: string): Promise<void> {
  const { port, password } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.end(`AUTH ${password}\r\nFLUSHALL\r\n`),
    );
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
