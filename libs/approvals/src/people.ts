import type { Approvers } from '@conducktor/contracts';

/** A member of the workspace as far as voting is concerned. */
export interface Person {
  readonly memberId: string;
  readonly email: string;
  readonly roles: readonly string[];
  /** Names of the workspace's groups. */
  readonly groups: readonly string[];
  /** Neither disabled nor removed nor frozen. */
  readonly active: boolean;
}

/** `to` may vote in the place of `from` until then. */
export interface Delegation {
  readonly from: string;
  readonly to: string;
  readonly until: Date;
}

/** Whether the person is one of those that a rule names: any of its group, roles and users. */
export function isNamed(person: Person, { group, roles, users }: Approvers): boolean {
  const email = person.email.toLowerCase();
  return (
    (group !== undefined && person.groups.includes(group)) ||
    (roles?.some((role) => person.roles.includes(role)) ?? false) ||
    (users?.some((user) => user.toLowerCase() === email) ?? false)
  );
}

/** What the requester reads of whom their request went to. */
export function labelOf({ label, group }: Approvers): string {
  return label ?? group ?? 'the approvers';
}
