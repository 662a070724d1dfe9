// The points between grant and answer that can be told apart from outside, and what may come of an approved
// call when somebody is killed while it stands there.

export const VICTIMS = ['gateway', 'worker', 'postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

/** How the one call of an approval may end; `held`: not yet, until the journal's grace is over. */
export type End = 'ok' | 'unknown' | 'not sent' | 'held';

export type Point = keyof typeof POINTS;

export const POINTS = {
  'voted, not redeemed': {
    // No worker is there to send it to, which is known at once or only when it has been written to its wire.
    alsoEndsAs: { worker: ['not sent', 'unknown'] },
    givesResult: true,
  },
  'redeemed, not at the worker': {
    // Its gateway is gone and no worker has heard of it, or nobody knows whether one has.
    alsoEndsAs: { gateway: ['unknown', 'held'], worker: ['unknown', 'not sent'] },
    givesResult: false,
  },
  'the upstream executes': {
    alsoEndsAs: { worker: ['unknown'] },
    givesResult: false,
  },
  'answered, not at the gateway': {
    alsoEndsAs: { worker: ['unknown'] },
    givesResult: false,
  },
  'at the gateway, not on disk': {
    alsoEndsAs: {},
    givesResult: false,
  },
  'on disk, nobody told': {
    alsoEndsAs: {},
    givesResult: true,
  },
  'on its way to the client': {
    alsoEndsAs: {},
    givesResult: true,
  },
} as const satisfies Record<
  string,
  {
    /** Other than `ok`, by who is killed. */
    alsoEndsAs: Partial<Record<Victim, readonly End[]>>;
    /** The client gets a result that there is, whoever is killed. */
    givesResult: boolean;
  }
>;

export function endsOf(point: Point, victim: Victim): readonly End[] {
  const { alsoEndsAs }: { alsoEndsAs: Partial<Record<Victim, readonly End[]>> } = POINTS[point];
  return ['ok', ...(alsoEndsAs[victim] ?? [])];
}
