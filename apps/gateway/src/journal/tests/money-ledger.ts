import type { Admission, Intent } from '../types.js';

/** A call that was admitted and of which nothing, or nothing certain, is known yet. */
export interface Live {
  intent: Intent;
  admission: Admission;
  gateway: number;
}

/** The model: what accounts hold, and which calls are to be heard of. */
export class Ledger {
  readonly running: Live[] = [];
  readonly unknown: Live[] = [];
  readonly spent = [0, 0, 0];
  readonly held = [0, 0, 0];
  /** By key: the call that has it. */
  readonly keys = new Map<string, Intent>();

  constructor(
    readonly accounts: readonly number[],
    readonly caps: number[],
  ) {}

  /** The first of its budgets that has no room for it. */
  full({ budgets = [], reservedMicros }: Intent): number | undefined {
    return this.places(budgets).find(
      (at) => this.spent[at]! + this.held[at]! + reservedMicros > this.caps[at]!,
    );
  }
  reserve(call: Live): void {
    this.running.push(call);
    this.move(call.intent, call.intent.reservedMicros, 0);
    if (call.intent.idempotency) this.keys.set(call.intent.idempotency.hash, call.intent);
  }
  charge({ intent: { reservedMicros, budgets } }: Live, asked: number | 'reserved'): void {
    const charged = asked === 'reserved' ? reservedMicros : Math.min(asked, reservedMicros);
    this.move({ budgets }, -reservedMicros, charged);
  }
  private move({ budgets = [] }: Pick<Intent, 'budgets'>, held: number, spent: number): void {
    for (const at of this.places(budgets)) {
      this.held[at]! += held;
      this.spent[at]! += spent;
    }
  }
  private places(budgets: readonly number[]): number[] {
    return budgets.map((account) => this.accounts.indexOf(account));
  }
}
