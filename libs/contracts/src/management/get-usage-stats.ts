import { z } from 'zod';
import { Instant, Timestamp } from '../rest/common.js';
import { managementTool } from './tool.js';

const counts = {
  calls: z.int().describe('Calls that were allowed, whatever came of them.'),
  errors: z.int().describe('Of these: ended as error, timeout, unavailable or unknown.'),
  denied: z.int().describe('Refused before anything was sent; not among the calls.'),
  costMicros: z.int().describe('Charged, in millionths of the currency.'),
  heldMicros: z
    .int()
    .describe('Reserved for calls that have not ended or whose outcome is not known.'),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
};

export const GET_USAGE_STATS = managementTool({
  name: 'conducktr_get_usage_stats',
  class: 'read',
  // Who may not see the workspace's sees their own.
  roles: null,
  input: z.strictObject({
    groupBy: z
      .array(z.enum(['connection', 'tool', 'member', 'client', 'group', 'decision', 'day']))
      .min(1)
      .max(2)
      .default(['connection'])
      .describe('What to count by, one or two; by connection if not given.'),
    since: Instant.optional().describe(
      'From when on, such as 2026-11-01T00:00:00Z; the last 30 days if not given.',
    ),
  }),
  output: z.object({
    since: Timestamp,
    until: Timestamp,
    currency: z.string().describe('ISO 4217.'),
    summary: z
      .string()
      .describe(
        'What was spent, in one line: "Total: $23.45 (linear: $12, github: $8.45, slack: $3)".',
      ),
    whose: z.enum(['workspace', 'own']).describe('Whose calls were counted.'),
    items: z.array(
      z.object({
        connection: z.string().nullable().optional(),
        tool: z.string().nullable().optional(),
        member: z
          .string()
          .nullable()
          .optional()
          .describe('The person as the records name them; null where nobody is named.'),
        client: z.string().nullable().optional(),
        group: z.string().nullable().optional(),
        decision: z.string().optional().describe('"allowed", or the code of refusals.'),
        day: z.string().optional(),
        ...counts,
      }),
    ),
    totals: z.object(counts),
  }),
});
