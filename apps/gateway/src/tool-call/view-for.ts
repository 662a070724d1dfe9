import { ENTRY_NAMES, type EntryName } from '@conducktor/contracts';
import { type PolicyTool, visibility } from '@conducktor/policy';
import type { ConnectionEntry } from '../workspace/types.js';
import { viewOf, type View } from '../workspace/view.js';
import { entryOf } from './entries.js';
import { policyCaller, policyTool } from './policy-input.js';
import { Refusal } from './refusal.js';
import type { Caller } from './types.js';

/**
 * The view of the path that was asked. A path that this workspace does not have, and one all of whose
 * connections the caller may not know of, are refused alike: `not_found`, HTTP 404. Constant time for
 * a caller and path seen before in the snapshot. `authenticate` asks it first, so that nobody gets past.
 */
export function viewFor(caller: Caller): View {
  const { workspace, context } = caller;
  const view = viewOf(workspace, context.resourcePath);
  if (view && isKnown(caller, view)) return view;
  throw new Refusal('not_found', `There is nothing at ${context.resourcePath} in this workspace.`, {
    caller,
    toolName: context.resourcePath,
  });
}

const known = new WeakMap<View, WeakMap<object, boolean>>();

function isKnown(caller: Caller, view: View): boolean {
  // Everything there is, also when that is nothing.
  if (!caller.context.resourcePath.startsWith('/mcp/')) return true;
  const seenBy = policyCaller(caller);
  let ofView = known.get(view);
  if (!ofView) known.set(view, (ofView = new WeakMap()));
  let answer = ofView.get(seenBy);
  if (answer === undefined) {
    answer =
      view.connections.length === 0 ||
      view.connections.some((connection) => mayKnow(caller, connection));
    ofView.set(seenBy, answer);
  }
  return answer;
}

/** Whether the caller may use anything of this connection, or is told why not. Linear in its tools. */
function mayKnow(caller: Caller, connection: ConnectionEntry): boolean {
  const all = [...decidedOn(connection)];
  return visibility(caller.workspace.policy, policyCaller(caller), all[0]!, all) !== 'unknown';
}

/**
 * What is decided on for this connection, one by one: mostly only the first are looked at. A server of
 * which nothing is known yet may have everything.
 */
export function* decidedOn(connection: ConnectionEntry): Generator<PolicyTool> {
  const { capabilities, tools, quarantined = [] } = connection;
  for (const tool of tools) yield policyTool(tool);
  // Whoever may use nothing else here is told that it is held back, not that it never was.
  for (const tool of quarantined) yield policyTool(tool);
  const offered = ENTRY_NAMES.filter((name) => capabilityOf(name) in capabilities);
  const others = offered.length + tools.length + quarantined.length === 0 ? ENTRY_NAMES : offered;
  for (const name of others) yield policyTool(entryOf(connection, name));
}

/** As servers declare it: MCP says `completions` of the method `completion/complete`. */
function capabilityOf(name: EntryName): string {
  return name === 'completion/complete' ? 'completions' : name.split('/', 1)[0]!;
}
