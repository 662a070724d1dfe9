import type { FaultProxy } from '@conducktor/testing';
import type { ApprovedCall } from './approved-call.ts';
import type { Point } from './approval-points.ts';
import type { ApprovalStage } from './approval-stage.ts';
import { GATEWAYS, WORKERS } from './installation.ts';
import { processesOf, signal } from './processes.ts';

/** Brings calls to several points at once, and keeps them there until what it resolves to is called. */
export interface Scene {
  points: readonly Point[];
  set(stage: ApprovalStage, calls: (point: Point) => readonly ApprovedCall[]): Promise<GoOn>;
}
export type GoOn = () => Promise<void>;

/** Longer than what was let go needs to reach the next thing that is stopped. */
const PASSES_MS = 150;
/** A link between gateway and worker that is silent for longer is soon taken for dead. */
const LINK_MS = 5_000;

/** Stands on the wires to the workers, on a lock and on the wires to clients. */
const alongTheCall: Scene = {
  points: [
    'redeemed, not at the worker',
    'the upstream executes',
    'answered, not at the gateway',
    'on disk, nobody told',
    'on its way to the client',
  ],
  set: async (stage, calls) => {
    const executing = calls('the upstream executes');
    const answered = calls('answered, not at the gateway');
    const recorded = calls('on disk, nobody told');
    const leaving = calls('on its way to the client');
    const redeemed = calls('redeemed, not at the worker');
    const held = stage.hold([...executing, ...answered, ...recorded]);
    await stall(leaving.map(({ wire }) => wire));
    await stage.approve([...executing, ...answered, ...recorded, ...leaving]);
    await held.arrived([...executing, ...answered, ...recorded]);
    await stage.untilStatus(leaving, 'done');

    const unlock = await stage.lockRequests(recorded);
    await held.letGo(recorded);
    await stage.untilRecorded(recorded);

    const stalledAt = performance.now();
    const toWorkers = WORKERS.map((name) => stage.installation.wires.get(`gateways - ${name}`)!);
    await stall(toWorkers);
    await held.letGo(answered);
    await stage.approve(redeemed);
    await stage.untilStatus(redeemed, 'running');
    await pause(PASSES_MS);
    return async () => {
      await unlock();
      await pass([...toWorkers, ...leaving.map(({ wire }) => wire)]);
      const isLong = performance.now() - stalledAt > LINK_MS;
      for (const call of [...executing, ...answered, ...redeemed]) call.mayBeLost = isLong;
      // Where its worker is gone, it answers nobody.
      void held.letGo(executing);
    };
  },
};

/** Stands on the wires to Postgres, and on gateways that are stopped. */
const aroundTheDatabase: Scene = {
  points: ['voted, not redeemed', 'at the gateway, not on disk'],
  set: async (stage, calls) => {
    const unwritten = calls('at the gateway, not on disk');
    const held = stage.hold(unwritten);
    await stage.approve(unwritten);
    await held.arrived(unwritten);
    const toPostgres = GATEWAYS.map((name) => stage.installation.wires.get(`${name} - postgres`)!);
    await stall(toPostgres);
    await held.letGo(unwritten);
    await pause(PASSES_MS);
    const gateways = GATEWAYS.flatMap((part) => processesOf(stage.installation, part));
    signal(gateways, 'SIGSTOP');
    await stage.approve(calls('voted, not redeemed'));
    return async () => {
      signal(gateways, 'SIGCONT');
      await pass(toPostgres);
    };
  },
};

export const SCENES: readonly Scene[] = [alongTheCall, aroundTheDatabase];

const stall = (wires: readonly FaultProxy[]) =>
  Promise.all(wires.map((wire) => wire.set('stall', { direction: 'both' })));
const pass = (wires: readonly FaultProxy[]) => Promise.all(wires.map((wire) => wire.set('pass')));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
