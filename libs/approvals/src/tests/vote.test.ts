import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNamed, type Delegation, type Person } from '../people.js';
import { isFinal, mayBecome, statusAt, type ApprovalStatus } from '../states.js';
import { castVote, rightOf, standingOf, type Ballot, type Demand, type Vote } from '../vote.js';

const NOW = new Date('2026-11-22T10:00:00Z');
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);
const person = (memberId: string, has: Partial<Person> = {}): Person => ({
  memberId,
  email: `${memberId}@example.com`,
  roles: ['member'],
  groups: [],
  active: true,
  ...has,
});
const finance = (memberId: string) => person(memberId, { groups: ['finance'] });
const demand = (count = 1, ruleId = 'refunds'): Demand => ({
  ruleId,
  approvers: { group: 'finance', count },
});

interface Given {
  people?: Person[];
  demands?: Demand[];
  votes?: Vote[];
  delegations?: Delegation[];
  status?: ApprovalStatus;
  expiresAt?: Date;
  keyMadeBy?: string;
}
const ballot = ({ people = [], demands = [demand()], ...given }: Given = {}): Ballot => ({
  request: {
    status: given.status ?? 'pending',
    requesterId: 'rita',
    keyMadeBy: given.keyMadeBy ?? null,
    demands,
    expiresAt: given.expiresAt ?? at(60),
  },
  votes: given.votes ?? [],
  people: new Map([finance('rita'), ...people].map((each) => [each.memberId, each])),
  delegations: given.delegations ?? [],
  now: NOW,
});
const approved = (memberId: string, forMemberId: string | null = null): Vote => ({
  memberId,
  forMemberId,
  vote: 'approve',
});
const delegate = (from: string, to: string, minutes = 30): Delegation => ({
  from,
  to,
  until: at(minutes),
});

describe('who may vote', () => {
  it('is named by group, role or address in any case', () => {
    const ann = person('ann', { roles: ['approver'], email: 'Ann@Example.com' });
    expect(isNamed(ann, { roles: ['owner', 'approver'], count: 1 })).toBe(true);
    expect(isNamed(ann, { users: ['aNN@example.com'], count: 1 })).toBe(true);
    expect(isNamed(ann, { group: 'finance', users: ['bob@example.com'], count: 1 })).toBe(false);
  });

  it.each<[string, Given, string, object]>([
    ['somebody named', { people: [finance('ann')] }, 'ann', { forMemberId: null }],
    ['nobody else', { people: [person('ann')] }, 'ann', { why: 'not-named' }],
    ['no stranger', {}, 'zoe', { why: 'not-named' }],
    ['never the requester', {}, 'rita', { why: 'own-request' }],
    [
      'not who is disabled, removed or frozen',
      { people: [{ ...finance('ann'), active: false }] },
      'ann',
      { why: 'not-named' },
    ],
    [
      'not twice',
      { people: [finance('ann')], demands: [demand(2)], votes: [approved('ann')] },
      'ann',
      { why: 'voted-already' },
    ],
    [
      'a delegate, in the place of who is named',
      { people: [finance('ann'), person('dan')], delegations: [delegate('ann', 'dan')] },
      'dan',
      { forMemberId: 'ann' },
    ],
    [
      'by their own right first',
      { people: [finance('ann'), finance('bob')], delegations: [delegate('ann', 'bob')] },
      'bob',
      { forMemberId: null },
    ],
    [
      'no delegate of somebody who may not',
      { people: [person('ann'), person('dan')], delegations: [delegate('ann', 'dan')] },
      'dan',
      { why: 'not-named' },
    ],
    [
      'no delegate of somebody who is disabled',
      {
        people: [{ ...finance('ann'), active: false }, person('dan')],
        delegations: [delegate('ann', 'dan')],
      },
      'dan',
      { why: 'not-named' },
    ],
    [
      'no delegate whose time is over',
      { people: [finance('ann'), person('dan')], delegations: [delegate('ann', 'dan', 0)] },
      'dan',
      { why: 'not-named' },
    ],
    [
      'no delegate of a delegate',
      {
        people: [finance('ann'), person('dan'), person('eve')],
        delegations: [delegate('ann', 'dan'), delegate('dan', 'eve')],
      },
      'eve',
      { why: 'not-named' },
    ],
    [
      'never who stands in for the requester, though they are named themselves',
      { people: [finance('ann')], delegations: [delegate('rita', 'ann')] },
      'ann',
      { why: 'stands-in-for-requester' },
    ],
    [
      'never the requester as a delegate',
      { people: [finance('ann')], delegations: [delegate('ann', 'rita')] },
      'rita',
      { why: 'own-request' },
    ],
    [
      'no delegate of who stands in for the requester',
      {
        people: [finance('ann'), person('dan')],
        delegations: [delegate('rita', 'ann'), delegate('ann', 'dan')],
      },
      'dan',
      { why: 'not-named' },
    ],
    [
      'never who made the key that it was asked with',
      { people: [finance('ann')], keyMadeBy: 'ann' },
      'ann',
      { why: 'own-key' },
    ],
    [
      'nor who stands in for them',
      {
        people: [finance('ann'), finance('bob')],
        keyMadeBy: 'ann',
        delegations: [delegate('ann', 'bob')],
      },
      'bob',
      { why: 'stands-in-for-requester' },
    ],
    [
      'no second delegate of the same person',
      {
        people: [finance('ann'), person('dan'), person('eve')],
        demands: [demand(2)],
        delegations: [delegate('ann', 'dan'), delegate('ann', 'eve')],
        votes: [approved('dan', 'ann')],
      },
      'eve',
      { why: 'place-taken' },
    ],
    [
      'not who was stood in for already',
      {
        people: [finance('ann'), person('dan')],
        demands: [demand(2)],
        votes: [approved('dan', 'ann')],
      },
      'ann',
      { why: 'place-taken' },
    ],
    [
      'nobody once it is decided',
      { people: [finance('ann')], status: 'rejected' },
      'ann',
      { why: 'decided' },
    ],
    [
      'nobody once its time is over',
      { people: [finance('ann')], expiresAt: NOW },
      'ann',
      { why: 'expired' },
    ],
  ])('%s', (_what, given, voter, expected) => {
    expect(rightOf(ballot(given), voter)).toEqual(expected);
  });

  it('uses a delegated right where an open demand waits for it and for no right of their own', () => {
    const legal: Demand = { ruleId: 'legal', approvers: { group: 'legal', count: 1 } };
    const given = ballot({
      people: [finance('ann'), finance('bob'), person('lea', { groups: ['legal'] })],
      demands: [demand(), legal],
      votes: [approved('ann')],
      delegations: [delegate('lea', 'bob')],
    });
    expect(castVote(given, 'bob', 'approve')).toEqual({
      taken: true,
      forMemberId: 'lea',
      status: 'approved',
    });
  });
});

describe('enough', () => {
  it('is every demand met, and one vote counts for each that its person is named by', () => {
    const people = [finance('ann'), person('bob', { groups: ['finance', 'legal'] })];
    const demands = [demand(2), { ruleId: 'legal', approvers: { group: 'legal', count: 1 } }];
    const first = ballot({ people, demands });
    expect(castVote(first, 'ann', 'approve')).toMatchObject({ status: 'pending' });
    const second = ballot({ people, demands, votes: [approved('ann')] });
    expect(castVote(second, 'bob', 'approve')).toMatchObject({ status: 'approved' });
    expect(standingOf(second)).toEqual([
      { ruleId: 'refunds', label: 'finance', needed: 2, given: 1 },
      { ruleId: 'legal', label: 'legal', needed: 1, given: 0 },
    ]);
  });

  it('does not count who has lost their place since', () => {
    const given = ballot({
      people: [{ ...finance('ann'), active: false }, finance('bob')],
      demands: [demand(2)],
      votes: [approved('ann')],
    });
    expect(castVote(given, 'bob', 'approve')).toMatchObject({ status: 'pending' });
  });

  it('is never nobody', () => {
    expect(castVote(ballot({ demands: [], people: [finance('ann')] }), 'ann', 'approve')).toEqual({
      taken: false,
      why: 'not-named',
    });
  });
});

describe('the states', () => {
  const ALL: ApprovalStatus[] = [
    'pending',
    'approved',
    'rejected',
    'expired',
    'void',
    'running',
    'done',
  ];
  const to = (from: ApprovalStatus) => ALL.filter((each) => mayBecome(from, each));

  it('are these', () => {
    expect(Object.fromEntries(ALL.map((from) => [from, to(from)]))).toEqual({
      pending: ['approved', 'rejected', 'expired', 'void'],
      approved: ['expired', 'void', 'running'],
      running: ['done'],
      rejected: [],
      expired: [],
      void: [],
      done: [],
    });
    expect(ALL.filter(isFinal)).toEqual(['rejected', 'expired', 'void', 'done']);
  });

  it('expire by the clock only where people or the requester are waited for', () => {
    const late = ALL.filter(
      (status) => statusAt({ status, expiresAt: NOW }, NOW) !== status || status === 'expired',
    );
    expect(late).toEqual(['pending', 'approved', 'expired']);
  });
});

describe('whatever is tried in whatever order', () => {
  const NAMES = ['rita', 'ann', 'bob', 'cid', 'dan', 'eve'];
  const GROUPS = ['finance', 'legal', 'ops'];
  const name = fc.constantFrom(...NAMES);
  const anybody = fc.record({
    groups: fc.uniqueArray(fc.constantFrom(...GROUPS)),
    active: fc.boolean(),
  });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('approve' as const), who: name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reject' as const), who: name }) },
    fc.record({
      kind: fc.constant('delegate' as const),
      who: name,
      to: name,
      minutes: fc.integer({ min: 1, max: 40 }),
    }),
    fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: fc.constant('person' as const), who: name, becomes: anybody }),
  );
  const wants = fc.record({
    group: fc.constantFrom(...GROUPS),
    count: fc.integer({ min: 1, max: 3 }),
  });

  it('approves with a quorum of different people for every demand only, decides once, and stays there', () => {
    let approvals = 0;
    fc.assert(
      fc.property(
        fc.array(wants, { minLength: 1, maxLength: 2 }),
        fc.array(anybody, { minLength: NAMES.length, maxLength: NAMES.length }),
        fc.array(step, { maxLength: 25 }),
        (wanted, members, steps) => {
          const people = new Map(NAMES.map((each, i) => [each, person(each, members[i])] as const));
          let minutes = 0;
          const delegations: Delegation[] = [];
          const votes: Vote[] = [];
          let status: ApprovalStatus = 'pending';
          let ends = 0;
          const demands = wanted.map((approvers, i) => ({ ruleId: `r${i}`, approvers }));
          // The model: what each vote was given by at its time, said without the code's own words.
          const used = new Set<string>();
          for (const each of steps) {
            if (each.kind === 'wait') minutes += each.minutes;
            else if (each.kind === 'person') people.set(each.who, person(each.who, each.becomes));
            else if (each.kind === 'delegate') {
              if (each.who !== each.to)
                delegations.push({
                  from: each.who,
                  to: each.to,
                  until: at(minutes + each.minutes),
                });
            } else {
              const now = at(minutes);
              const before = {
                request: {
                  status,
                  requesterId: 'rita',
                  keyMadeBy: 'eve',
                  demands,
                  expiresAt: at(60),
                },
                votes,
                people,
                delegations,
                now,
              };
              const verdict = castVote(before, each.who, each.kind);
              if (!verdict.taken) continue;
              const { forMemberId } = verdict;
              const owner = forMemberId ?? each.who;
              const inForce = delegations.filter(({ until }) => until > now);
              expect(status).toBe('pending');
              expect(minutes).toBeLessThan(60);
              for (const asker of ['rita', 'eve']) {
                expect([each.who, owner]).not.toContain(asker);
                for (const to of [each.who, owner])
                  expect(inForce).not.toContainEqual(expect.objectContaining({ from: asker, to }));
              }
              expect(people.get(each.who)!.active && people.get(owner)!.active).toBe(true);
              if (forMemberId !== null)
                expect(inForce).toContainEqual(
                  expect.objectContaining({ from: forMemberId, to: each.who }),
                );
              expect(wanted.some(({ group }) => people.get(owner)!.groups.includes(group))).toBe(
                true,
              );
              expect(votes.some(({ memberId }) => memberId === each.who)).toBe(false);
              expect(used.has(owner)).toBe(false);
              used.add(owner);
              votes.push({ memberId: each.who, forMemberId, vote: each.kind });
              if (verdict.status !== status) ends++;
              status = verdict.status;
              if (status === 'rejected') expect(each.kind).toBe('reject');
              if (status === 'approved') {
                approvals++;
                expect(votes.every(({ vote }) => vote === 'approve')).toBe(true);
                for (const { group, count } of wanted) {
                  const owners = [...used].filter((id) => {
                    const { active, groups } = people.get(id)!;
                    return active && groups.includes(group);
                  });
                  expect(owners.length).toBeGreaterThanOrEqual(count);
                }
              }
            }
          }
          expect(ends).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 2_000 },
    );
    // Else the property above had said nothing of approvals.
    expect(approvals).toBeGreaterThan(20);
  });
});
