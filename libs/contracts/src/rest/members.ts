import { z } from 'zod';
import { Permission } from './access.js';
import { idOf, Role, Timestamp } from './common.js';

const GroupName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/,
    'must be 1 to 64 letters, digits, spaces, ".", "_" or "-"',
  );

export const NewMember = z.strictObject({
  email: z.email().max(320),
  roles: z.array(Role).min(1).max(6),
  /** Names of groups; those that do not exist yet are made. */
  groups: z.array(GroupName).max(100).default([]),
});
export type NewMember = z.infer<typeof NewMember>;

export const MemberView = z
  .object({
    id: idOf('mem'),
    email: z.string(),
    roles: z.array(Role),
    groups: z.array(z.string()),
    /** `disabled`: keys and tokens of this person are dead. */
    status: z.enum(['enabled', 'disabled']),
    /** Beyond the roles; given by owners. */
    permissions: z.array(Permission),
    /** Null: invited, and has not joined yet. */
    acceptedAt: Timestamp.nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Member' });
export type MemberView = z.infer<typeof MemberView>;

/** How a person joins: the answers to inviting are the only ones that ever hold the link. */
export const Invitation = z
  .object({
    /** For the person invited, and nobody else: they sign in only after they opened it. */
    url: z.url(),
    expiresAt: Timestamp,
    /** A letter with a link of its own is on its way too. False: hand this link over yourself. */
    mailed: z.boolean(),
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof Invitation>;

export const InvitedMember = MemberView.extend({
  invitation: Invitation,
}).meta({ id: 'InvitedMember' });
export type InvitedMember = z.infer<typeof InvitedMember>;

export const MemberPatch = z.strictObject({
  roles: z.array(Role).min(1).max(6).optional(),
  groups: z.array(GroupName).max(100).optional(),
  status: z.enum(['enabled', 'disabled']).optional(),
  /** All that the member is to have; owners only. */
  permissions: z.array(Permission).max(10).optional(),
});
export type MemberPatch = z.infer<typeof MemberPatch>;

export const NewGroup = z.strictObject({
  name: GroupName,
  /** Ids of members to begin with. */
  members: z.array(idOf('mem')).max(1_000).default([]),
});
export type NewGroup = z.infer<typeof NewGroup>;

export const GroupView = z
  .object({ id: idOf('grp'), name: z.string(), members: z.int(), createdAt: Timestamp })
  .meta({ id: 'Group' });
export type GroupView = z.infer<typeof GroupView>;

export const GroupPatch = z.strictObject({
  name: GroupName.optional(),
  /** Ids of all members that the group is to have. */
  members: z.array(idOf('mem')).max(1_000).optional(),
});
export type GroupPatch = z.infer<typeof GroupPatch>;
