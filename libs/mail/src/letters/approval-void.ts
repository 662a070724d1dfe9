import { named, type Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/**
 * Tells whoever asked, and those who were to decide, that nobody has to any more. `reason` is a sentence of
 * ours about what has changed.
 */
export function approvalVoidLetter(
  letter: From & { tool: string; requester: string; reason?: string | undefined; url: string },
): Mail {
  const tool = named(letter.tool);
  return compose(letter, `Void: ${tool}`, [
    `The request of ${letter.requester} to call the tool ${tool} is void, because something that it was asked for with has changed. Nothing is sent by it, also if it was approved.`,
    ...(letter.reason ? [`What has changed: ${letter.reason}`] : []),
    `If the call is still wanted, it has to be made, and approved, anew. This goes to ${letter.to}, who asked for it or was one of those who may decide. More of it is here:\n${letter.url}`,
  ]);
}
