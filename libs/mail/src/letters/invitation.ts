import { named, type Mail } from '../mail.js';
import { compose, moment, type From } from './compose.js';

/** Brings the link of an invitation. `inviter` is an address, `workspace` a name that somebody chose. */
export function invitationLetter(
  letter: From & { workspace: string; inviter: string; url: string; expiresAt: Date },
): Mail {
  const workspace = `"${named(letter.workspace)}"`;
  return compose(letter, `Invitation to the workspace ${workspace}`, [
    `${letter.inviter} invites you to the workspace ${workspace}, where people share the tools that their AI assistants may use.`,
    `Look at it and accept here:\n${letter.url}`,
    `The link is for ${letter.to} only and works once, until ${moment(letter.expiresAt)}.`,
    `If you do not know ${letter.inviter}, do nothing: nobody joins without opening the link.`,
  ]);
}
