import type { PolicyRule } from '@conducktor/contracts';
import { compileGlobs } from './glob.js';
import type { PolicyCaller, PolicyTool } from './types.js';

/** Whether a rule is about a tool, whoever calls it. */
export function toolMatcher({ when }: PolicyRule): (tool: PolicyTool) => boolean {
  const connections = when.connections && compileGlobs(when.connections);
  const tools = when.tools && compileGlobs(when.tools);
  return (tool) =>
    (!connections || connections(tool.connection)) &&
    (!tools || tools(tool.name)) &&
    (!when.class || when.class.includes(tool.class)) &&
    (!when.labels || when.labels.some((label) => tool.labels.includes(label)));
}

/** Whether a rule is about a caller, whatever they call; undefined: about everybody. */
export function callerMatcher({
  when,
}: PolicyRule): ((caller: PolicyCaller) => boolean) | undefined {
  const { users, groups, roles, clients } = when;
  if (!users && !groups && !roles && !clients) return undefined;
  const emails = users && new Set(users.map((email) => email.toLowerCase()));
  const anyOf = (list: readonly string[] | undefined) => list && new Set(list);
  const [inGroups, inRoles, inClients] = [anyOf(groups), anyOf(roles), anyOf(clients)];
  return (caller) =>
    (!emails || emails.has(caller.email.toLowerCase())) &&
    (!inGroups || caller.groups.some((group) => inGroups.has(group))) &&
    (!inRoles || caller.roles.some((role) => inRoles.has(role))) &&
    (!inClients || inClients.has(caller.clientId));
}
