import {
  GroupView,
  InvitedMember,
  MemberPatch,
  MemberView,
  NewGroup,
  NewMember,
  PageQuery,
  pageOf,
} from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { createMember } from './create-member.js';
import { createGroup, listGroups } from './groups.js';
import { listMembers } from './read-members.js';
import { updateMember } from './update-member.js';

const readers = role('owner', 'admin', 'auditor');
const writers = role('owner', 'admin');

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
  route('PATCH', '/members/:id', {
    summary: "Change a member's roles, groups or access",
    guards: [signedIn, scope('admin'), writers],
    body: MemberPatch,
    answer: [200, MemberView],
    handle: ({ control, caller, params, body }) =>
      updateMember(control, caller, params['id']!, body),
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
];
