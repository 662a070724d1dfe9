import { APPROVERS, askThem } from './approvers.js';
import type { ReadyMade } from './types.js';

export const nothingLeaves: ReadyMade = {
  id: 'nothing-leaves',
  title: 'Nothing leaves after private data was read',
  sentence:
    'Once a client was given private data, its calls of tools that send something out wait for approval.',
  parameters: [
    {
      name: 'seen',
      description:
        'What the client must have been given: private, or private and untrusted (text by strangers) both.',
      default: ['private'],
    },
    ...APPROVERS,
  ],
  make: ({ seen, ...values }) => ({
    rules: [{ id: 'nothing-leaves', when: { labels: ['egress'], seen }, ...askThem(values) }],
    tests: [
      {
        name: 'nothing leaves after private data was read',
        call: { tool: 'any_tool', class: 'write', labels: ['egress'], seen },
        expect: 'require_approval',
      },
    ],
  }),
};
