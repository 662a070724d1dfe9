import type { CallAllowance, LimitKind } from '@conducktor/contracts';
import type { LimitProfile } from './gcra.js';

/** One of `rate_limit`: of an id, or, where `subjectId` is empty, of every one of its kind for itself. */
export interface LimitRow {
  id: string;
  kind: LimitKind;
  subjectId: string;
  allowances: CallAllowance[];
}

/** An allowance that a call must be within: whose it is, and where its tokens are counted. */
export interface CallLimit {
  kind: LimitKind;
  id: string;
  key: string;
  profile: LimitProfile;
}

/** What a call is by, and of. A key's client is the key. */
export type LimitSubjects = Readonly<Record<LimitKind, string>>;

/** The limits of one workspace beside its profile, found by what a call is by and of. */
export class CallLimits {
  private readonly kinds: LimitsOfKind[];

  constructor(tenantId: string, rows: readonly LimitRow[]) {
    const kinds = new Map<LimitKind, LimitsOfKind>();
    for (const { id, kind, subjectId, allowances } of rows) {
      const found = kinds.get(kind);
      const ofKind = found ?? { kind, bySubject: new Map<string, CallLimit>(), each: undefined };
      if (!found) kinds.set(kind, ofKind);
      const profile = allowances.map(({ limit, seconds }) => ({
        limit,
        windowMs: seconds * 1_000,
      }));
      const limit = { kind, id, key: `${tenantId}:${id}`, profile };
      if (subjectId === '') ofKind.each = limit;
      else ofKind.bySubject.set(subjectId, limit);
    }
    this.kinds = [...kinds.values()];
  }

  /** At most one of each kind: the one of that id, otherwise that of every one. */
  of(subjects: LimitSubjects): CallLimit[] {
    const limits: CallLimit[] = [];
    for (const ofKind of this.kinds) {
      const limit = limitOf(ofKind, subjects[ofKind.kind]);
      if (limit) limits.push(limit);
    }
    return limits;
  }
}

interface LimitsOfKind {
  kind: LimitKind;
  /** Own limits, and what `each` came to for those who called: members, clients, connections and tools. */
  bySubject: Map<string, CallLimit>;
  each: CallLimit | undefined;
}

function limitOf({ bySubject, each }: LimitsOfKind, subject: string): CallLimit | undefined {
  let limit = bySubject.get(subject);
  if (!limit && each) {
    limit = { ...each, key: `${each.key}:${subject}` };
    bySubject.set(subject, limit);
  }
  return limit;
}
