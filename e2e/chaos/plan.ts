// Which faults a run meets, in which order: drawn from its seed and nothing else.
import type { FaultOptions } from '@conducktor/testing';
import { GATEWAYS, SERVICES, WORKERS, type Part, type Service, type Wire } from './installation.ts';
import type { Random } from './random.ts';
import { MISCHIEF, type Mischief } from './upstream.ts';

/** One fault; those with `ms` last that long, the others are over at once. */
export type Planned =
  | { what: 'kill'; part: Part }
  | { what: 'kill backend' }
  | { what: 'flush' }
  | { what: 'stop'; part: Part; ms: number }
  | { what: 'wire'; wire: Wire; fault: WireFault; options: FaultOptions; ms: number }
  | { what: 'upstream'; mischief: Mischief; share: number; ms: number }
  | { what: 'full disk'; ms: number }
  | { what: 'clock'; service: Service; seconds: number; ms: number };

type WireFault = 'slow' | 'stall' | 'half-open' | 'reset' | 'cut' | 'corrupt';

/** Faults that are there at the same time, each begun `afterMs` after the first. */
export interface Blow {
  kind: string;
  faults: readonly (Planned & { afterMs: number })[];
}

type Draw = (random: Random) => Blow;

const PARTS: readonly Part[] = [...SERVICES, 'postgres', 'redis'];
/** Of a stop: shorter than any timeout, longer than a link may be silent, longer than a tick may take. */
const STOPS_MS = [300, 2_500, 8_500, 12_000];

const single = (kind: string, draw: (random: Random) => Planned): Draw => {
  return (random) => ({ kind, faults: [{ ...draw(random), afterMs: 0 }] });
};
const several = (kind: string, draw: (random: Random) => Blow['faults']): Draw => {
  return (random) => ({ kind, faults: draw(random) });
};
const groupOf = (part: Part): string => part.replace(/-[ab]$/, '');

const kill = (parts: readonly Part[]): Draw =>
  single(`kill ${groupOf(parts[0]!)}`, (random) => ({ what: 'kill', part: random.pick(parts) }));
const stop = (parts: readonly Part[]): Draw =>
  single(`stop ${groupOf(parts[0]!)}`, (random) => ({
    what: 'stop',
    part: random.pick(parts),
    ms: random.pick(STOPS_MS),
  }));

const WIRES: Record<string, readonly Wire[]> = {
  postgres: SERVICES.map((name) => `${name} - postgres` as const),
  redis: GATEWAYS.map((name) => `${name} - redis` as const),
  worker: WORKERS.map((name) => `gateways - ${name}` as const),
  upstreams: ['workers - upstreams'],
};
const wire = (to: string, fault: WireFault): Draw =>
  single(`wire to ${to}: ${fault}`, (random) => ({
    what: 'wire',
    // Gateways first: what is between them and Postgres matters most.
    wire: random.pick([...WIRES[to]!.slice(0, 2), ...WIRES[to]!.slice(0, 2), ...WIRES[to]!]),
    fault,
    options: {
      delayMs: Math.round(random.between(20, 400)),
      cutAfter: Math.round(random.between(1, 3_000)),
      corruptEvery: Math.round(random.between(100, 2_000)),
      // What a server is asked cannot tell that it was changed on its way, without TLS.
      direction: fault === 'corrupt' && to === 'upstreams' ? 'back' : randomDirection(random),
    },
    ms: Math.round(random.pick([400, 1_500, 4_000, 9_000])),
  }));
const randomDirection = (random: Random) => random.pick(['back', 'forth', 'both'] as const);

const mischief = (how: Mischief): Draw =>
  single(`upstream ${how}`, (random) => ({
    what: 'upstream',
    mischief: how,
    share: random.pick([0.3, 1]),
    ms: Math.round(random.between(500, 3_000)),
  }));

const gatewayThenWorker = several('kill gateway, then its workers', (random) => [
  { what: 'kill', part: random.pick(GATEWAYS), afterMs: 0 },
  ...WORKERS.map((part) => ({ what: 'kill' as const, part, afterMs: random.between(0, 2_500) })),
]);
/** It wakes up in a world where its session is gone and another has closed its epoch. */
const asleepWhileEpochCloses = several('stop gateway, kill Postgres meanwhile', (random) => [
  { what: 'stop', part: random.pick(GATEWAYS), ms: random.pick([6_000, 9_000]), afterMs: 0 },
  { what: 'kill', part: 'postgres', afterMs: random.between(20, 400) },
]);
const everythingAtOnce = several('kill several at once', (random) =>
  random
    .shuffle(PARTS)
    .slice(0, 2 + Math.floor(random.next() * 3))
    .map((part) => ({ what: 'kill', part, afterMs: random.between(0, 300) })),
);
const sleepers = several('stop both gateways', (random) =>
  GATEWAYS.map((part) => ({ what: 'stop', part, ms: random.pick(STOPS_MS), afterMs: 0 })),
);

const fullDisk = single('full disk', (random) => ({
  what: 'full disk',
  ms: Math.round(random.between(800, 4_000)),
}));
const DAY = 86_400;
const clock = (kind: string, seconds: readonly number[]): Draw =>
  single(kind, (random) => ({
    what: 'clock',
    service: random.pick(SERVICES),
    seconds: random.pick(seconds),
    // The library looks at its file once a second.
    ms: Math.round(random.between(2_500, 5_000)),
  }));

/** Every kind of fault, the more telling ones more than once. */
const DECK: readonly Draw[] = [
  ...twice(kill(GATEWAYS)),
  ...twice(kill(WORKERS)),
  ...twice(kill(['postgres'])),
  ...twice(single('kill a Postgres backend', () => ({ what: 'kill backend' }))),
  kill(['redis']),
  kill(['auth']),
  kill(['control']),
  kill(['audit']),
  single('FLUSHALL', () => ({ what: 'flush' })),
  ...twice(stop(GATEWAYS)),
  ...twice(stop(WORKERS)),
  stop(['postgres']),
  stop(['redis']),
  stop(['audit']),
  ...(['slow', 'stall', 'half-open', 'reset', 'cut'] as const).flatMap((fault) => [
    wire('postgres', fault),
    wire('worker', fault),
  ]),
  ...(['half-open', 'reset', 'corrupt'] as const).map((fault) => wire('redis', fault)),
  ...(['slow', 'half-open', 'reset', 'cut', 'corrupt'] as const).map((fault) =>
    wire('upstreams', fault),
  ),
  ...twice(wire('worker', 'corrupt')),
  ...MISCHIEF.map(mischief),
  gatewayThenWorker,
  asleepWhileEpochCloses,
  ...twice(everythingAtOnce),
  sleepers,
];

/** What a run of seconds still has to meet. */
const SHORT_DECK: readonly Draw[] = [
  kill(GATEWAYS),
  kill(WORKERS),
  kill(['postgres']),
  kill(['redis']),
  single('kill a Postgres backend', () => ({ what: 'kill backend' })),
  single('stop gateway', (random) => ({ what: 'stop', part: random.pick(GATEWAYS), ms: 600 })),
  single('wire to worker: corrupt', (random) => ({
    what: 'wire',
    wire: random.pick(WIRES['worker']!),
    fault: 'corrupt',
    options: { corruptEvery: 400, direction: 'both' },
    ms: 800,
  })),
  single('wire to postgres: cut', (random) => ({
    what: 'wire',
    wire: random.pick(WIRES['postgres']!.slice(0, 2)),
    fault: 'cut',
    options: { cutAfter: Math.round(random.between(1, 500)) },
    ms: 300,
  })),
  single("upstream another's answer", () => ({
    what: 'upstream',
    mischief: "another's answer",
    share: 0.5,
    ms: 300,
  })),
];

/** At least `count` faults, in blows; each part and each kind of fault as often as its share. */
export function planBlows(
  random: Random,
  count: number,
  can: { fillDisks: boolean; setClocks: boolean; short: boolean },
): Blow[] {
  const deck = can.short
    ? SHORT_DECK
    : [
        ...DECK,
        ...(can.fillDisks ? twice(fullDisk) : []),
        ...(can.setClocks
          ? [
              ...twice(clock('clock forwards', [5, 90, 3_600, 2 * DAY])),
              ...twice(clock('clock backwards', [-5, -90, -3_600, -2 * DAY])),
            ]
          : []),
      ];
  const blows: Blow[] = [];
  let faults = 0;
  while (faults < count) {
    for (const draw of random.shuffle(deck)) {
      if (faults >= count) break;
      const blow = draw(random);
      blows.push(blow);
      faults += blow.faults.length;
    }
  }
  return blows;
}

function twice<Item>(item: Item): Item[] {
  return [item, item];
}
