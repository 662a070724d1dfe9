import type { NotJudged, SimulatedEffect } from '@conducktor/contracts';

type Counted = [calls: number, changed: number];

/** As it is stored after each step. */
export interface StoredTotals {
  calls: number;
  judged: number;
  changed: number;
  changes: [string, number][];
  notJudged: [NotJudged, number][];
  rules: [string, Counted][];
  tools: [string, Counted][];
  people: [string, Counted][];
}

/** Names of one kind that are counted apart; the others share one line. */
const MOST_NAMES = 2_000;
export const OTHERS = '(others)';

/** What was counted of a simulation. The default of the policy counts as the rule ''. */
export class Totals {
  calls: number;
  judged: number;
  changed: number;
  readonly changes: Map<string, number>;
  readonly notJudged: Map<NotJudged, number>;
  readonly rules: Map<string, Counted>;
  readonly tools: Map<string, Counted>;
  readonly people: Map<string, Counted>;

  /** Begins where a step before ended; `{}` at the beginning. */
  constructor(stored: Partial<StoredTotals> = {}) {
    this.calls = stored.calls ?? 0;
    this.judged = stored.judged ?? 0;
    this.changed = stored.changed ?? 0;
    this.changes = new Map(stored.changes);
    this.notJudged = new Map(stored.notJudged);
    this.rules = new Map(stored.rules);
    this.tools = new Map(stored.tools);
    this.people = new Map(stored.people);
  }

  countNotJudged(reason: NotJudged, calls: number): void {
    this.calls += calls;
    this.notJudged.set(reason, (this.notJudged.get(reason) ?? 0) + calls);
  }

  count(
    { tool, memberId, rules }: { tool: string; memberId: string; rules: readonly string[] },
    from: SimulatedEffect,
    to: SimulatedEffect,
    calls: number,
  ): void {
    const changed = from === to ? 0 : calls;
    this.calls += calls;
    this.judged += calls;
    this.changed += changed;
    if (changed > 0) {
      const kind = `${from} ${to}`;
      this.changes.set(kind, (this.changes.get(kind) ?? 0) + calls);
    }
    add(this.tools, tool, calls, changed);
    add(this.people, memberId, calls, changed);
    for (const rule of rules) add(this.rules, rule, calls, changed);
  }

  stored(): StoredTotals {
    return {
      calls: this.calls,
      judged: this.judged,
      changed: this.changed,
      changes: [...this.changes],
      notJudged: [...this.notJudged],
      rules: [...this.rules],
      tools: [...this.tools],
      people: [...this.people],
    };
  }
}

function add(into: Map<string, Counted>, name: string, calls: number, changed: number): void {
  const key = into.has(name) || into.size < MOST_NAMES ? name : OTHERS;
  const [before, changedBefore] = into.get(key) ?? [0, 0];
  into.set(key, [before + calls, changedBefore + changed]);
}
