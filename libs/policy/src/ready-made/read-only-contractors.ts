import type { ReadyMade } from './types.js';

export const readOnlyContractors: ReadyMade = {
  id: 'read-only-contractors',
  title: 'Contractors only read',
  sentence: 'People of these groups can use tools that read, and none that change something.',
  parameters: [
    { name: 'groups', description: 'The groups that only read.', default: ['contractors'] },
    {
      name: 'message',
      description: 'What they read after "Permission denied: ".',
      default: 'Update operations not allowed',
    },
  ],
  make: ({ groups, message }) => ({
    rules: [
      {
        id: 'contractors-read-only',
        when: { groups, class: ['write', 'destructive'] },
        effect: 'deny',
        message,
      },
    ],
    tests: ['write', 'destructive'].map((toolClass) => ({
      name: `contractors only read: a ${toolClass} tool`,
      call: { groups, tool: 'any_tool', class: toolClass },
      expect: 'deny',
    })),
  }),
};
