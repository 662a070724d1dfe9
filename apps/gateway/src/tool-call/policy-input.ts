import type { PolicyCaller, PolicyTool } from '@conducktor/policy';
import type { Member } from '../workspace/types.js';
import type { Caller, Entry } from './types.js';

// Policies remember what they worked out for a caller, so equal callers share one object for as long
// as their snapshot lives.
const callers = new WeakMap<Member, Map<string, PolicyCaller>>();
// By the scopes of a verified credential, which are one array for as long as it is known.
const byScopes = new WeakMap<Member, WeakMap<readonly string[], PolicyCaller>>();
const tools = new WeakMap<Entry, PolicyTool>();

/** The caller as policies see it. */
export function policyCaller(caller: Caller): PolicyCaller {
  let ofMember = byScopes.get(caller.member);
  if (!ofMember) byScopes.set(caller.member, (ofMember = new WeakMap()));
  let seen = ofMember.get(caller.scopes);
  if (seen?.clientId !== caller.clientId) ofMember.set(caller.scopes, (seen = equalCaller(caller)));
  return seen;
}

function equalCaller({ member, clientId, scopes }: Caller): PolicyCaller {
  let ofMember = callers.get(member);
  if (!ofMember) callers.set(member, (ofMember = new Map()));
  const key = `${clientId} ${scopes.join(' ')}`;
  let seen = ofMember.get(key);
  if (!seen) {
    seen = {
      memberId: member.id,
      userId: member.userId,
      email: member.email,
      groups: member.groups,
      roles: member.roles,
      clientId,
      scopes,
    };
    ofMember.set(key, seen);
  }
  return seen;
}

/** The entry as policies see it; one object per entry and snapshot. */
export function policyTool(tool: Entry): PolicyTool {
  let seen = tools.get(tool);
  if (!seen) {
    seen = {
      name: tool.shownName,
      upstreamName: tool.upstreamName,
      connection: tool.connection.slug,
      class: tool.class,
      labels: tool.labels,
    };
    tools.set(tool, seen);
  }
  return seen;
}
