// Every service is restarted in turn under load. With two gateways and two workers clients see nothing of
// it; with one of each, calls wait or are refused in words. Nothing that was answered is lost either way,
// and nothing is executed twice.
import { freePortBlock } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  startBalancedClient,
  type Answered,
  type BalancedClient,
} from './support/balanced-client.js';
import { startOwnService, type OwnService } from './support/own-service.js';
import { conducktor } from './support/stack.js';
import { eventually, openWorld, type World } from './support/world.js';

const LOOPS = 8;
const PAUSE_MS = 20;

let world: World;
const services: Record<string, OwnService> = {};

beforeAll(async () => {
  world = await openWorld();
  const { stack } = world;
  const base = await freePortBlock(6);
  const rpc = [base + 2, base + 4];
  const worker = (port: number, rpcPort: number) =>
    startOwnService(stack, 'connector-worker', port, {
      RPC_PORT: String(rpcPort),
      OUTBOUND_ALLOW: 'loopback',
    });
  [services['first worker'], services['second worker']] = await Promise.all([
    worker(base + 3, rpc[0]!),
    worker(base + 5, rpc[1]!),
  ]);
  const gateway = (port: number) =>
    startOwnService(stack, 'gateway', port, {
      WORKERS: rpc.map((port) => `127.0.0.1:${port}`).join(),
      RATE_LIMIT_PER_MINUTE: '1000000',
      DRAIN_DELAY_SECONDS: '1',
    });
  [services['first gateway'], services['second gateway']] = await Promise.all([
    gateway(base),
    gateway(base + 1),
  ]);
});
afterAll(async () => {
  await Promise.all(Object.values(services).map((service) => service.stop()));
  await world?.close();
});

interface Load {
  /** By the message of the call. */
  readonly answers: Map<string, Answered>;
  stop(): Promise<void>;
}

/** Quick calls, and one in ten that takes some hundred milliseconds, until it is stopped. */
function load(name: string, client: BalancedClient): Load {
  const answers = new Map<string, Answered>();
  let going = true;
  let made = 0;
  const loop = async (): Promise<void> => {
    while (going) {
      const message = `${name} ${++made}`;
      const slow = made % 10 === 0;
      const answered = slow
        ? await client.call('rec_slow', { ms: 400, message })
        : await client.call('rec_echo', { message });
      answers.set(message, answered);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const loops = Array.from({ length: LOOPS }, loop);
  return {
    answers,
    async stop() {
      going = false;
      await Promise.all(loops);
      await client.close();
    },
  };
}

test('rolling restarts under load lose nothing', { timeout: 180_000 }, async () => {
  const { stack, workspace, upstream } = world;
  const token = workspace.member.apiKey;
  const gateways = ['first gateway', 'second gateway'].map((name) => services[name]!.port);
  const replicas = load('two', startBalancedClient(gateways, token, { patient: true }));
  const alone = load('one', startBalancedClient([stack.portBase], token, { patient: false }));
  await eventually('the load runs', async () => replicas.answers.size > 50);

  const embedded = conducktor(['restart', '--data', stack.dataDir]);
  const restart = async (name: string): Promise<void> => {
    const { code, endedMs, readyMs } = await services[name]!.restart();
    console.log(`${name}: ended after ${endedMs} ms, ready again after ${readyMs} ms`);
    expect(code, `${name} ends in order: ${services[name]!.log()}`).toBe(0);
  };
  for (const which of ['first', 'second'])
    await Promise.all([restart(`${which} worker`), restart(`${which} gateway`)]);
  const { code, stdout } = await embedded;
  console.log(stdout.trimEnd());
  expect(code).toBe(0);
  await eventually('the stack serves again', async () => {
    const last = [...alone.answers.values()].at(-1);
    return last?.kind === 'answered' && last.code === undefined;
  });
  await Promise.all([replicas.stop(), alone.stop()]);

  const failed = (all: Load) =>
    [...all.answers].filter(([, one]) => one.kind !== 'answered' || one.code !== undefined);
  const refusals = tally(failed(alone).map(([, one]) => reason(one)));
  console.log(`${replicas.answers.size} calls by two gateways, ${failed(replicas).length} failed`);
  console.log(`${alone.answers.size} calls by one: ${JSON.stringify(refusals)}`);
  expect(failed(replicas)).toEqual([]);
  // One of each: what is refused says that nothing was done.
  expect(alone.answers.size).toBeGreaterThan(100);
  for (const [, one] of failed(alone))
    if (one.kind === 'answered') expect(CLEAR).toContain(one.code);

  const executed = tally(upstream.calls.map((call) => String(call.arguments['message'])));
  expect(Object.entries(executed).filter(([, times]) => times > 1)).toEqual([]);
  const answered = [replicas, alone].flatMap(({ answers }) =>
    [...answers].filter(([, one]) => one.kind === 'answered' && one.code === undefined),
  );
  expect(answered.filter(([message]) => executed[message] !== 1)).toEqual([]);
});

const CLEAR = ['upstream_unavailable', 'governance_unavailable'];

function reason(answered: Answered): string {
  return answered.kind === 'answered' ? answered.code! : `${answered.kind}: ${answered.why}`;
}

function tally(values: string[]): Record<string, number> {
  const times: Record<string, number> = {};
  for (const value of values) times[value] = (times[value] ?? 0) + 1;
  return times;
}
