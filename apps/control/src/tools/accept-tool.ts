import type { ToolAcceptance, ToolView } from '@conducktor/contracts';
import { acceptOffered } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { decideChange } from './decide-change.js';

/**
 * Pins what the service lists of a tool, if it still is what the caller looked at. An admin's class,
 * labels, hiding and price stay; without them the tool never gets a milder class than it had.
 */
export function acceptTool(
  control: Pick<Control, 'prisma' | 'db'>,
  caller: Caller,
  idOrName: string,
  { definitionHash }: ToolAcceptance,
): Promise<ToolView> {
  return decideChange(control, caller, idOrName, {
    definitionHash,
    action: 'tool.accept',
    write: (tx, { row, proposedClass }, hash) => acceptOffered(tx, row.id, hash, proposedClass),
  });
}
