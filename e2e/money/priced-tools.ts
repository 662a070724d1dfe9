// Tools of every cost model, and what a call of each has to cost by its arguments.
import type { FixtureTool } from '@conducktor/testing';
import type { Random } from '../chaos/random.ts';

export interface Args {
  nonce: string;
  amount: number;
  /** Text of about so many KiB comes back; less than that with all around it. */
  kib: number;
  /** What the service says that it cost. */
  report: number;
  fails: boolean;
}

interface Priced {
  cost: object;
  /** Held while it runs. */
  reserves(args: Args): number;
  charges(args: Args): number;
}

const SIZE = { microsPerKiB: 40, baseMicros: 10, maxMicros: 400 };
const REPORTED_MAX = 600;

export const PRICED: Readonly<Record<string, Priced>> = {
  flat: { cost: { kind: 'flat', micros: 700 }, reserves: () => 700, charges: () => 700 },
  cel: {
    cost: { kind: 'cel', micros: 'args.amount * 3 + 50' },
    reserves: ({ amount }) => amount * 3 + 50,
    charges: ({ amount }) => amount * 3 + 50,
  },
  size: {
    cost: { kind: 'size', ...SIZE },
    reserves: () => SIZE.maxMicros,
    charges: ({ kib }) => Math.min(SIZE.maxMicros, SIZE.baseMicros + SIZE.microsPerKiB * kib),
  },
  reported: {
    cost: { kind: 'reported', maxMicros: REPORTED_MAX },
    reserves: () => REPORTED_MAX,
    charges: ({ report }) => Math.min(REPORTED_MAX, report),
  },
  success: {
    cost: { kind: 'flat', micros: 300, chargeOn: 'success' },
    reserves: () => 300,
    charges: ({ fails }) => (fails ? 0 : 300),
  },
};
export const TOOLS = Object.keys(PRICED);

export function drawArgs(random: Random, nonce: string): Args {
  return {
    nonce,
    amount: Math.floor(random.between(0, 400)),
    kib: Math.floor(random.between(1, 12)),
    report: Math.floor(random.between(0, 800)),
    fails: random.next() < 0.4,
  };
}

/** `arrived` counts how often each call came. */
export function pricedTools(arrived: Map<string, number>): FixtureTool[] {
  return TOOLS.map((name) => ({
    definition: {
      name,
      inputSchema: { type: 'object' },
      annotations: { readOnlyHint: false, destructiveHint: false },
    },
    run: async (raw) => {
      const args = raw as unknown as Args;
      arrived.set(args.nonce, (arrived.get(args.nonce) ?? 0) + 1);
      const length = name === 'size' ? args.kib * 1_024 - 500 : 10;
      return {
        content: [{ type: 'text', text: 'x'.repeat(length) }],
        ...(name === 'success' && args.fails && { isError: true }),
        _meta: { 'conducktor/costMicros': args.report },
      };
    },
  }));
}
