import type { ApprovalView } from '@conducktor/contracts';

/** What a conversation is given of a call's arguments, in characters of JSON; the page has them all. */
const MOST = 8_000;

export function shortArguments({
  arguments: value,
  argumentsState,
}: ApprovalView): Pick<ApprovalView, 'arguments' | 'argumentsState'> {
  const isLong = argumentsState === 'available' && JSON.stringify(value).length > MOST;
  return isLong
    ? { arguments: null, argumentsState: 'too_large' }
    : { arguments: value, argumentsState };
}
