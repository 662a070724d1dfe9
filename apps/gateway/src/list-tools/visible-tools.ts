import type { PolicyCaller } from '@conducktor/policy';
import { toClientUri } from '../resources/uris.js';
import { policyCaller } from '../tool-call/policy-input.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { View } from '../workspace/view.js';
import { isListed } from './is-listed.js';
import { presentTool } from './present-tool.js';

export type ShownTools = readonly Record<string, unknown>[];

// One list per view and caller, made when first asked for; it goes with the snapshot.
const lists = new WeakMap<View, WeakMap<PolicyCaller, ShownTools>>();

/**
 * The tools of the caller's path that this caller may know of, as clients see them, in the order of
 * their names. The same array for as long as nothing that decides on it changes.
 */
export function visibleTools(caller: Caller): ShownTools {
  const view = viewFor(caller);
  const seenBy = policyCaller(caller);
  let ofView = lists.get(view);
  if (!ofView) lists.set(view, (ofView = new WeakMap()));
  let tools = ofView.get(seenBy);
  if (!tools) {
    tools = [...view.tools]
      .filter(([, tool]) => isListed(caller, tool))
      .map(([name, tool]) =>
        presentTool(tool.definition, {
          shownName: name,
          class: tool.class,
          scopes: tool.scopes ?? [],
          clientUri: (uri) => toClientUri(view, tool.connection, uri),
        }),
      );
    ofView.set(seenBy, tools);
  }
  return tools;
}
