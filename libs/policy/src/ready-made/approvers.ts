import type { ReadyMadeParameter, ReadyMadeValue } from './types.js';

/** Who approves, and for how long: the same in every ready-made policy that asks for it. */
export const APPROVERS: readonly ReadyMadeParameter[] = [
  { name: 'group', description: 'The group whose members approve.', default: 'admins' },
  {
    name: 'label',
    description: 'What the requester reads: "Request sent to <label>".',
    default: 'Admin team',
  },
  { name: 'count', description: 'How many different people must approve.', default: 1 },
  {
    name: 'expires',
    description: 'How long approvers have, and how long an approval can be used.',
    default: '24h',
  },
];

/** The fields of a rule that asks them. */
export function askThem({
  group,
  label,
  count,
  expires,
}: Readonly<Record<string, ReadyMadeValue>>) {
  return { effect: 'require_approval', approvers: { group, label, count }, expires };
}
