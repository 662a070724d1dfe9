import { Refusal } from '../tool-call/refusal.js';
import type { Caller, Entry } from '../tool-call/types.js';
import { isManagement } from './connection.js';
import type { OwnTool } from './own-tool.js';

// `owner, admin or auditor`
const oneOf = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** The tool as one of ours; undefined for any other. */
export function asOwn(tool: Entry): OwnTool | undefined {
  return isManagement(tool.connection) ? (tool as OwnTool) : undefined;
}

/** Whether the roles of the caller suffice; those of an upstream's tools always do. */
export function mayUse({ member }: Pick<Caller, 'member'>, tool: Entry): boolean {
  const roles: readonly string[] | null | undefined = asOwn(tool)?.roles;
  return !roles || member.roles.some((role) => roles.includes(role));
}

/** Refuses, naming the roles that suffice. Which roles those are, the REST routes decide likewise. */
export function requireRole(caller: Caller, tool: Entry): void {
  if (mayUse(caller, tool)) return;
  throw new Refusal(
    'policy_denied',
    `Permission denied: this needs the role ${oneOf.format(asOwn(tool)!.roles!)}.`,
    { caller, toolName: tool.shownName, connection: tool.connection.slug },
  );
}
