import { APPROVERS, askThem } from './approvers.js';
import type { ReadyMade } from './types.js';

export const approveAllWrites: ReadyMade = {
  id: 'approve-all-writes',
  title: 'Every change is approved',
  sentence: 'A call that changes something waits until somebody else has approved it.',
  parameters: APPROVERS,
  make: (values) => ({
    rules: [
      {
        id: 'approve-all-writes',
        when: { class: ['write', 'destructive'] },
        ...askThem(values),
      },
    ],
    tests: ['write', 'destructive'].map((toolClass) => ({
      name: `every change is approved: a ${toolClass} tool`,
      call: { tool: 'any_tool', class: toolClass },
      expect: 'require_approval',
    })),
  }),
};

export const approveDestructive: ReadyMade = {
  id: 'approve-destructive',
  title: 'What destroys is approved',
  sentence: 'A call that deletes or overwrites waits until somebody else has approved it.',
  parameters: APPROVERS,
  make: (values) => ({
    rules: [{ id: 'approve-destructive', when: { class: ['destructive'] }, ...askThem(values) }],
    tests: [
      {
        name: 'what destroys is approved',
        call: { tool: 'any_tool', class: 'destructive' },
        expect: 'require_approval',
      },
    ],
  }),
};
