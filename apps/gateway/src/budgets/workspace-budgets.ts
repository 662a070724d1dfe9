import {
  accountId,
  periodIndex,
  periodIndexesAmong,
  type BudgetPeriod,
  type LocalDays,
} from '@conducktor/budget';
import type { BudgetScopeKind } from '@conducktor/contracts';
import type { Caller, Entry } from '../tool-call/types.js';

/** A budget as calls are counted against it. */
export interface BudgetRow {
  id: string;
  number: number;
  kind: BudgetScopeKind;
  /** What it is for: a group by its name, everything else by its id; null: the workspace. */
  subject: string | null;
  period: BudgetPeriod;
}

// Local days begin at whole minutes in every zone.
const MINUTE_MS = 60_000;

/** The budgets of a workspace, by what a call touches. */
export class WorkspaceBudgets {
  private readonly bySubject: ReadonlyMap<string, readonly BudgetRow[]>;
  private readonly byNumber: ReadonlyMap<number, BudgetRow>;
  private minute = NaN;
  private index: Record<BudgetPeriod, number> = { day: 0, week: 0, month: 0, 'rolling-30d': 0 };

  constructor(
    rows: readonly BudgetRow[],
    /** IANA name. */
    private readonly zone: string,
    /** As the database has them; null: no budget counts by days. */
    private readonly days: LocalDays | null,
  ) {
    this.bySubject = Map.groupBy(rows, (row) => subjectKey(row.kind, row.subject));
    this.byNumber = new Map(rows.map((row) => [row.number, row]));
  }

  /** The accounts that a call of this caller at `now` (Unix milliseconds) reserves at. */
  accountsOf({ member, clientId }: Pick<Caller, 'member' | 'clientId'>, tool: Entry, now: number) {
    this.lookAt(now);
    const accounts: number[] = [];
    this.add(accounts, 'tenant', null);
    for (const group of member.groups) this.add(accounts, 'group', group);
    this.add(accounts, 'user', member.id);
    this.add(accounts, 'client', clientId);
    this.add(accounts, 'connection', tool.connection.id);
    this.add(accounts, 'tool', tool.id);
    return accounts;
  }

  find(number: number): BudgetRow | undefined {
    return this.byNumber.get(number);
  }

  private add(accounts: number[], kind: BudgetScopeKind, subject: string | null): void {
    for (const { number, period } of this.bySubject.get(subjectKey(kind, subject)) ?? [])
      accounts.push(accountId(number, this.index[period]));
  }

  private lookAt(now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute === this.minute) return;
    this.minute = minute;
    const known = this.days && periodIndexesAmong(this.days, now);
    if (known) this.index = known;
    else
      for (const period of ['day', 'week', 'month'] as const)
        this.index[period] = periodIndex(period, now, this.zone);
  }
}

const subjectKey = (kind: BudgetScopeKind, subject: string | null) => `${kind} ${subject ?? ''}`;
