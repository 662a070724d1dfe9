import type { ToolRejection, ToolView } from '@conducktor/contracts';
import { refuseOffered } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { decideChange } from './decide-change.js';

/**
 * Notes that this definition is not wanted. The tool stays held back until the service lists what is
 * pinned again; another definition waits anew. It can still be accepted afterwards.
 */
export function rejectTool(
  control: Pick<Control, 'prisma' | 'db'>,
  caller: Caller,
  idOrName: string,
  { definitionHash, reason }: ToolRejection,
): Promise<ToolView> {
  return decideChange(control, caller, idOrName, {
    definitionHash,
    action: 'tool.reject',
    detail: reason === undefined ? {} : { reason },
    write: (tx, { row }, hash) => refuseOffered(tx, row.id, hash),
  });
}
