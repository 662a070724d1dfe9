import type { Approvers } from '@conducktor/contracts';
import { isNamed, labelOf, type Delegation, type Person } from './people.js';
import { statusAt, type ApprovalStatus } from './states.js';

/** What one rule wants before the call is made, as the request keeps it. */
export interface Demand {
  readonly ruleId: string;
  readonly approvers: Approvers;
  readonly message?: string | undefined;
}

export interface Vote {
  readonly memberId: string;
  /** In whose place; null: by their own right. */
  readonly forMemberId: string | null;
  readonly vote: 'approve' | 'reject';
}

/** All that a vote is judged by, read in one transaction that holds the request's row. */
export interface Ballot {
  readonly request: {
    readonly status: ApprovalStatus;
    readonly requesterId: string;
    /** Who made the API key that it was asked with, and so may hold it; null: no key, or nobody knows. */
    readonly keyMadeBy: string | null;
    readonly demands: readonly Demand[];
    readonly expiresAt: Date;
  };
  readonly votes: readonly Vote[];
  /** By member id: everybody who voted, wants to, or is stood in for. Who is not here counts for nothing. */
  readonly people: ReadonlyMap<string, Person>;
  /** At least those to who votes, and those from who asked. */
  readonly delegations: readonly Delegation[];
  readonly now: Date;
}

/** Why somebody's vote is not taken. */
export type NotTaken =
  | 'decided'
  | 'expired'
  | 'own-request'
  | 'own-key'
  | 'stands-in-for-requester'
  | 'voted-already'
  | 'place-taken'
  | 'not-named';

/** In whose right somebody votes (null: their own), or why they may not. */
export type Right = { forMemberId: string | null } | { why: NotTaken };

/**
 * Whether this person may vote now. Never who asked, which is the requester and whoever made the API key
 * that it came with, nor whom either has made their delegate; each person once, and each right once, whether
 * its owner or a delegate uses it. One's own right comes before one that was delegated, and a right that an
 * open demand waits for before any other.
 */
export function rightOf(ballot: Ballot, memberId: string): Right {
  const { request, votes, people } = ballot;
  const status = statusAt(request, ballot.now);
  if (status !== 'pending') return { why: status === 'expired' ? 'expired' : 'decided' };
  if (memberId === request.requesterId) return { why: 'own-request' };
  if (memberId === request.keyMadeBy) return { why: 'own-key' };
  if (standsInForAsker(ballot, memberId)) return { why: 'stands-in-for-requester' };
  if (!people.get(memberId)?.active) return { why: 'not-named' };
  if (votes.some((vote) => vote.memberId === memberId)) return { why: 'voted-already' };
  const named = [memberId, ...delegatorsOf(ballot, memberId)].filter((owner) =>
    request.demands.some((demand) => isOwner(ballot, owner, demand)),
  );
  const free = named.filter((owner) => !votes.some((vote) => ownerOf(vote) === owner));
  if (free.length === 0) return { why: named.length > 0 ? 'place-taken' : 'not-named' };
  const open = request.demands.filter((demand) => !isMet(ballot, demand));
  const owner =
    free.find((each) => open.some((demand) => isOwner(ballot, each, demand))) ?? free[0]!;
  return { forMemberId: owner === memberId ? null : owner };
}

/** Where a demand stands: how many different people it wants, and how many that still count have approved. */
export interface Standing {
  readonly ruleId: string;
  readonly label: string;
  readonly needed: number;
  readonly given: number;
}

export function standingOf(ballot: Ballot): Standing[] {
  return ballot.request.demands.map((demand) => ({
    ruleId: demand.ruleId,
    label: labelOf(demand.approvers),
    needed: demand.approvers.count,
    given: approvalsOf(ballot, demand),
  }));
}

export type Verdict =
  | { taken: true; forMemberId: string | null; status: 'pending' | 'approved' | 'rejected' }
  | { taken: false; why: NotTaken };

/**
 * What becomes of the request by this vote. One rejection by somebody who may vote rejects; it is approved
 * once every demand has as many approvals of different people as it wants, counted by what those people
 * are now and not by what they were when they voted.
 */
export function castVote(ballot: Ballot, memberId: string, vote: Vote['vote']): Verdict {
  const right = rightOf(ballot, memberId);
  if ('why' in right) return { taken: false, why: right.why };
  const { forMemberId } = right;
  if (vote === 'reject') return { taken: true, forMemberId, status: 'rejected' };
  const after = { ...ballot, votes: [...ballot.votes, { memberId, forMemberId, vote }] };
  const { demands } = ballot.request;
  // Without a demand there is nobody to approve: such a request is never approved.
  const met = demands.length > 0 && demands.every((demand) => isMet(after, demand));
  return { taken: true, forMemberId, status: met ? 'approved' : 'pending' };
}

/** Whose right a vote uses up. */
const ownerOf = ({ memberId, forMemberId }: Vote) => forMemberId ?? memberId;

const isMet = (ballot: Ballot, demand: Demand) =>
  approvalsOf(ballot, demand) >= demand.approvers.count;

/** A vote that was given in time stands when its delegation ends; not when voter or owner lose their place. */
function approvalsOf(ballot: Ballot, demand: Demand): number {
  const counted = ballot.votes.filter(
    (vote) =>
      vote.vote === 'approve' &&
      !isPartial(ballot, vote.memberId) &&
      ballot.people.get(vote.memberId)?.active === true &&
      isOwner(ballot, ownerOf(vote), demand),
  );
  // As many different people on both sides: who voted, and whose right it was.
  return Math.min(
    new Set(counted.map(({ memberId }) => memberId)).size,
    new Set(counted.map(ownerOf)).size,
  );
}

/** Whether the right to decide this demand is this member's own. What they may not use, nobody uses for them. */
function isOwner(ballot: Ballot, memberId: string, demand: Demand): boolean {
  const person = ballot.people.get(memberId);
  return (
    person?.active === true && !isPartial(ballot, memberId) && isNamed(person, demand.approvers)
  );
}

/** Whether this member is on the side of who asked. */
const isPartial = (ballot: Ballot, memberId: string) =>
  isAsker(ballot, memberId) || standsInForAsker(ballot, memberId);

const isAsker = ({ request }: Ballot, memberId: string) =>
  memberId === request.requesterId || memberId === request.keyMadeBy;

const standsInForAsker = (ballot: Ballot, memberId: string) =>
  delegatorsOf(ballot, memberId).some((from) => isAsker(ballot, from));

/** Whose delegate somebody is at this instant. A delegation is not passed on. */
function delegatorsOf({ delegations, now }: Ballot, memberId: string): string[] {
  return delegations
    .filter(({ to, until }) => to === memberId && until > now)
    .map(({ from }) => from);
}
