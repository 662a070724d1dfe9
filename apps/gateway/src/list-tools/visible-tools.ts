import { approvalNeed, type PolicyCaller } from '@conducktor/policy';
import { toClientUri } from '../resources/uris.js';
import { policyCaller, policyTool } from '../tool-call/policy-input.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { Tool } from '../workspace/types.js';
import type { View } from '../workspace/view.js';
import { isListed } from './is-listed.js';
import { presentTool } from './present-tool.js';

export type ShownTools = readonly Record<string, unknown>[];

/** What some callers see of a view: two bits for each of its tools in turn, the index of what it is to them. */
type Sight = string;
const STANDINGS = [undefined, 'never', 'perhaps', 'always'] as const;

// Most callers of a workspace see the same. A list is made again for who comes after so many others.
const MAX_LISTS = 32;

// They go with the snapshot.
const sights = new WeakMap<View, WeakMap<PolicyCaller, Sight>>();
const lists = new WeakMap<View, Map<Sight, ShownTools>>();

/**
 * The tools of the caller's path that this caller may know of, as clients see them, in the order of
 * their names. The same array for all who see the same, for as long as nothing that decides on it
 * changes.
 */
export function visibleTools(caller: Caller): ShownTools {
  const view = viewFor(caller);
  const sight = sightOf(caller, view);
  let ofView = lists.get(view);
  if (!ofView) lists.set(view, (ofView = new Map()));
  let tools = ofView.get(sight);
  if (!tools) {
    tools = present(view, sight);
    if (ofView.size >= MAX_LISTS) ofView.delete(ofView.keys().next().value!);
    ofView.set(sight, tools);
  }
  return tools;
}

function sightOf(caller: Caller, view: View): Sight {
  const seenBy = policyCaller(caller);
  let ofView = sights.get(view);
  if (!ofView) sights.set(view, (ofView = new WeakMap()));
  let sight = ofView.get(seenBy);
  if (sight === undefined) {
    const seen = Buffer.alloc(Math.ceil(view.tools.size / 4));
    let at = 0;
    for (const tool of view.tools.values()) {
      if (isListed(caller, tool)) seen[at >> 2]! |= approvalBits(caller, tool) << (2 * (at & 3));
      at++;
    }
    ofView.set(seenBy, (sight = seen.toString('latin1')));
  }
  return sight;
}

function approvalBits(caller: Caller, tool: Tool): number {
  const { policy } = caller.workspace;
  return STANDINGS.indexOf(approvalNeed(policy, policyCaller(caller), policyTool(tool)));
}

function present(view: View, sight: Sight): ShownTools {
  return [...view.tools].flatMap(([name, tool], at) => {
    const approval = STANDINGS[(sight.charCodeAt(at >> 2) >> (2 * (at & 3))) & 3];
    if (!approval) return [];
    const shown = presentTool(tool.definition, {
      shownName: name,
      class: tool.class,
      scopes: tool.scopes ?? [],
      approval: approval === 'never' ? undefined : approval,
      clientUri: (uri) => toClientUri(view, tool.connection, uri),
    });
    return [shown];
  });
}
