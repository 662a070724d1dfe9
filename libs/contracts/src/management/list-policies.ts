import { z } from 'zod';
import { PolicyEffect } from '../policy-document.js';
import { Timestamp } from '../rest/common.js';
import { managementTool } from './tool.js';

export const LIST_POLICIES = managementTool({
  name: 'conducktr_list_policies',
  class: 'read',
  roles: ['owner', 'admin', 'approver', 'auditor'],
  input: z.strictObject({
    version: z
      .int()
      .min(1)
      .max(999_999_999)
      .optional()
      .describe('The version whose rules are answered; the active one if not given.'),
    limit: z.int().min(1).max(200).default(20).describe('How many versions to answer at most.'),
    cursor: z.string().min(1).max(500).optional().describe('`nextCursor` of the page before.'),
  }),
  output: z.object({
    active: z.int().nullable().describe('The version that decides now; null: nothing is allowed.'),
    versions: z
      .array(z.object({ version: z.int(), active: z.boolean(), createdAt: Timestamp }))
      .describe('Newest first.'),
    nextCursor: z.string().nullable(),
    shown: z
      .object({
        version: z.int(),
        default: z.string().describe('What happens to a call that no rule matches.'),
        rules: z.array(z.object({ id: z.string(), effect: PolicyEffect, sentence: z.string() })),
      })
      .nullable(),
  }),
});
