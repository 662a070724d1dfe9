import type { ApprovalView } from '@conducktor/contracts';

/** `2026-11-22 10:00 UTC` */
export const minuteOf = (instant: string) => `${instant.slice(0, 16).replace('T', ' ')} UTC`;

/** `1 of 2 from Finance desk`, of every rule that is not met. */
export function stillWanted(
  demands: readonly Pick<ApprovalView['demands'][number], 'given' | 'needed' | 'sentTo'>[],
): string {
  return demands
    .filter(({ given, needed }) => given < needed)
    .map(({ given, needed, sentTo }) => `${given} of ${needed} from ${sentTo}`)
    .join(', and ');
}

export function approvedSentence({
  onApproval,
  expiresAt,
}: Pick<ApprovalView, 'onApproval' | 'expiresAt'>): string {
  return onApproval === 'run'
    ? 'Approved. The call is made now, once, and the person who asked is given its result.'
    : `Approved. The call is made once, when the person who asked makes it again with the same arguments, until ${minuteOf(expiresAt)}.`;
}

/** How a request stands and what happens next, for whoever looks at it. */
export function stateSentence(approval: ApprovalView): string {
  const { status, demands, expiresAt, decidedReason, outcome } = approval;
  const reason = decidedReason === null ? '' : ` The reason given: ${decidedReason}`;
  switch (status) {
    case 'pending':
      return `Nothing is sent before enough people approve: so far ${stillWanted(demands)}. After ${minuteOf(expiresAt)} nobody can decide any more.`;
    case 'approved':
      return approvedSentence(approval);
    case 'rejected':
      return `Rejected. Nothing was sent.${reason}`;
    case 'expired':
      return 'Its time is over. Nothing was sent; the call can be asked for again.';
    case 'void':
      return `Void: nothing is sent.${decidedReason === null ? '' : ` ${decidedReason}`}`;
    case 'running':
      return 'Approved. The call is being made.';
    case 'done':
      return outcome === 'unknown'
        ? 'Approved. The call was sent, and whether it acted is not known. It is not sent again.'
        : `Approved, and the call was made once. It ended as: ${outcome ?? 'unknown'}.`;
  }
}
