import type { StoredRead } from '@conducktor/contracts';
import { viewFor } from '../tool-call/view-for.js';
import type { Caller } from '../tool-call/types.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { NoPreview } from './no-preview.js';

/**
 * The tool that a preview reads, by the name it has for the requester's client, as long as it is what the
 * admin who set this up knew: of the same definition and, by an admin's own word, of class `read`. What its
 * service says of itself is a proposal, and nothing is called before anybody approved it for that alone.
 * Throws NoPreview.
 */
export function toolToRead(
  caller: Caller,
  { id, slug, tools, quarantined = [] }: ConnectionEntry,
  read: StoredRead,
): string {
  const heldBack = quarantined.find((each) => each.id === read.tool);
  if (heldBack)
    throw new NoPreview(`${heldBack.shownName} is held back, because ${slug} has changed it.`);
  const tool = tools.find((each) => each.id === read.tool);
  if (!tool) throw new NoPreview('The tool that it is read with is hidden or not there any more.');
  if (tool.definitionHash !== read.definitionHash)
    throw new NoPreview(`${tool.shownName} was changed since this preview was set up.`);
  if (tool.class !== 'read' || !tool.isClassSet)
    throw new NoPreview(`${tool.shownName} is not put into class read any more.`);
  for (const [name, shown] of viewFor(caller).tools)
    if (shown.id === tool.id && shown.connection.id === id) return name;
  throw new NoPreview(
    `${tool.shownName} is not among the tools at the address that this client uses.`,
  );
}
