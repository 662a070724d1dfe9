import { createHash } from 'node:crypto';
import type { PolicyCaller } from '@conducktor/policy';
import { isListed } from '../list-tools/is-listed.js';
import { offers, type ChangingList } from '../lists/lists.js';
import { policyCaller } from '../tool-call/policy-input.js';
import { standing } from '../tool-call/standing.js';
import type { Caller } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { Tool } from '../workspace/types.js';
import type { View } from '../workspace/view.js';

export type List = 'tools' | ChangingList;

/** What one caller's lists show, in one snapshot. */
export interface SeenLists {
  /** Equal while the list shows the same; of prompts and resources only whose they are. */
  prints: Record<List, string>;
  /** Ids of the connections that each list shows something of. */
  from: Record<List, ReadonlySet<string>>;
}

// One for all listeners who see the same: a change of a workspace asks for all of them at once.
const known = new WeakMap<View, WeakMap<PolicyCaller, SeenLists>>();

export function seenLists(caller: Caller): SeenLists {
  const view = viewFor(caller);
  const seenBy = policyCaller(caller);
  let ofView = known.get(view);
  if (!ofView) known.set(view, (ofView = new WeakMap()));
  let seen = ofView.get(seenBy);
  if (!seen) ofView.set(seenBy, (seen = look(caller, view)));
  return seen;
}

function look(caller: Caller, view: View): SeenLists {
  const tools = [...view.tools].filter(([, tool]) => isListed(caller, tool));
  const listing = (list: ChangingList) => {
    const method = `${list}/list` as const;
    return view.connections.filter(
      (connection) =>
        connection.frozen === undefined &&
        offers(connection, method) &&
        standing(caller, connection, method) === 'listed',
    );
  };
  const [prompts, resources] = [listing('prompts'), listing('resources')];
  const printOf = (connections: typeof prompts) =>
    connections.map(({ id, revision, slug }) => `${id} ${revision} ${slug}`).join();
  return {
    prints: {
      // A path that shows only how to search its tools always shows the same.
      tools: view.mode === 'search' ? '' : printOfTools(view, tools),
      prompts: printOf(prompts),
      resources: printOf(resources),
    },
    from: {
      tools: new Set(tools.map(([, { connection }]) => connection.id)),
      prompts: new Set(prompts.map(({ id }) => id)),
      resources: new Set(resources.map(({ id }) => id)),
    },
  };
}

/** All that a shown tool is made of. The tools themselves are not: a change asks for every listener's. */
function printOfTools(view: View, tools: readonly (readonly [string, Tool])[]): string {
  const print = createHash('sha256');
  for (const [name, { definitionHash, class: toolClass, scopes = [], connection }] of tools) {
    const shown = [definitionHash, toolClass, connection.slug, view.isPrefixed(connection), scopes];
    print.update(JSON.stringify([name, ...shown]));
  }
  return print.digest('base64url');
}
