import {
  GroupPatch,
  GroupView,
  Invitation,
  InvitedMember,
  MemberPatch,
  MemberView,
  NewGroup,
  NewMember,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { readers, scope, signedIn, writers } from '../http/guards.js';
import { route } from '../http/route.js';
import { createMember } from './create-member.js';
import { inviteAgain } from './invite-again.js';
import { createGroup, deleteGroup, getGroup, listGroups, updateGroup } from './groups.js';
import { getMember, listMembers } from './read-members.js';
import { removeMember } from './remove-member.js';
import { updateMember } from './update-member.js';

export const memberRoutes = [
  route('POST', '/members', {
    summary: 'Invite a person into the workspace. The link is shown in this answer only',
    guards: [signedIn, scope('admin'), writers],
    body: NewMember,
    answer: [201, InvitedMember],
    handle: ({ control, caller, body }) => createMember(control, caller, body),
  }),
  route('GET', '/members', {
    summary: 'List members',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(MemberView)],
    handle: ({ control, caller, query }) => listMembers(control, caller, query),
  }),
  route('GET', '/members/:id', {
    summary: 'Read one member',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, MemberView],
    handle: ({ control, caller, params }) => getMember(control, caller, params['id']!),
  }),
  route('PATCH', '/members/:id', {
    summary: "Change a member's roles, groups, permissions or access",
    guards: [signedIn, scope('admin'), writers],
    body: MemberPatch,
    answer: [200, MemberView],
    handle: ({ control, caller, params, body }) =>
      updateMember(control, caller, params['id']!, body),
  }),
  route('POST', '/members/:id/invitations', {
    summary: 'A new link for a member who has not joined yet; earlier links are dead',
    guards: [signedIn, scope('admin'), writers],
    answer: [201, Invitation],
    handle: ({ control, caller, params }) => inviteAgain(control, caller, params['id']!),
  }),
  // Anybody may leave: whom else one may remove is decided with the member's roles at hand.
  route('DELETE', '/members/:id', {
    summary: 'Remove a member, or leave; apps and keys of the person stop within a second',
    guards: [signedIn, scope('admin')],
    answer: [204],
    handle: ({ control, caller, params }) => removeMember(control, caller, params['id']!),
  }),
  route('POST', '/groups', {
    summary: 'Make a group that policies can name',
    guards: [signedIn, scope('admin'), writers],
    body: NewGroup,
    answer: [201, GroupView],
    handle: ({ control, caller, body }) => createGroup(control, caller, body),
  }),
  route('GET', '/groups', {
    summary: 'List groups by name',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(GroupView)],
    handle: ({ control, caller, query }) => listGroups(control, caller, query),
  }),
  route('GET', '/groups/:id', {
    summary: 'Read one group',
    guards: [signedIn, scope('admin'), readers],
    answer: [200, GroupView],
    handle: ({ control, caller, params }) => getGroup(control, caller, params['id']!),
  }),
  route('GET', '/groups/:id/members', {
    summary: 'List the members of a group',
    guards: [signedIn, scope('admin'), readers],
    query: PageQuery,
    answer: [200, pageOf(MemberView)],
    handle: async ({ control, caller, params, query }) => {
      const group = await getGroup(control, caller, params['id']!);
      return listMembers(control, caller, query, group.id);
    },
  }),
  route('PATCH', '/groups/:id', {
    summary: 'Rename a group, or say who is in it',
    guards: [signedIn, scope('admin'), writers],
    body: GroupPatch,
    answer: [200, GroupView],
    handle: ({ control, caller, params, body }) =>
      updateGroup(control, caller, params['id']!, body),
  }),
  route('DELETE', '/groups/:id', {
    summary: 'Remove a group that no rule of the active policy names; its members stay',
    guards: [signedIn, scope('admin'), writers],
    answer: [204],
    handle: ({ control, caller, params }) => deleteGroup(control, caller, params['id']!),
  }),
];
