import { named, type Mail } from '../mail.js';
import { compose, moment, type From } from './compose.js';

/** Tells somebody who may decide that a call waits for them. `requester` is an address. Without arguments. */
export function approvalRequestedLetter(
  letter: From & { tool: string; requester: string; url: string; expiresAt: Date },
): Mail {
  const tool = named(letter.tool);
  return compose(letter, `Approval wanted: ${tool}`, [
    `${letter.requester} asks to call the tool ${tool}. A policy of the workspace wants that approved, and ${letter.to} is one of those who may decide.`,
    `Look at what would be sent, and decide, here:\n${letter.url}`,
    `Nothing is sent before that. After ${moment(letter.expiresAt)} nobody can decide any more.`,
  ]);
}
