import { named, type Mail } from '../mail.js';
import { compose, type From } from './compose.js';

/** Tells the requester what became of their request. `reason` is what somebody wrote. */
export function approvalDecidedLetter(
  letter: From & {
    tool: string;
    became: 'approved' | 'rejected' | 'expired';
    by?: string | undefined;
    reason?: string | undefined;
    url: string;
  },
): Mail {
  const { became, by } = letter;
  const tool = named(letter.tool);
  const what =
    became === 'expired'
      ? `Nobody decided in time about the call of ${tool} that ${letter.to} asked for. It was not made.`
      : `The call of ${tool} that ${letter.to} asked for was ${became}${by === undefined ? '' : ` by ${by}`}.`;
  return compose(letter, `${SUBJECTS[became]}: ${tool}`, [
    what,
    ...(letter.reason ? [`The reason given: ${named(letter.reason, 500)}`] : []),
    `More of it is here:\n${letter.url}`,
  ]);
}

const SUBJECTS = { approved: 'Approved', rejected: 'Rejected', expired: 'Nobody decided in time' };
