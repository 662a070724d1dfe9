import { z } from 'zod';
import { Instant } from '../rest/common.js';
import { managementTool } from './tool.js';

export const GET_USAGE_STATS = managementTool({
  name: 'conducktr_get_usage_stats',
  class: 'read',
  // Who may not see the workspace's sees their own.
  roles: null,
  input: z.strictObject({
    groupBy: z
      .array(z.enum(['connection', 'tool', 'member', 'client', 'day']))
      .min(1)
      .max(2)
      .default(['connection'])
      .describe('What to count by, one or two; by connection if not given.'),
    since: Instant.optional().describe(
      'From when on, such as 2026-11-01T00:00:00Z; the last 30 days if not given.',
    ),
  }),
  output: z.object({
    since: z.string(),
    scope: z.enum(['workspace', 'own']).describe('Whose calls were counted.'),
    items: z.array(
      z.object({
        group: z.record(z.string(), z.string().nullable()),
        calls: z.int(),
        errors: z.int(),
        denied: z.int(),
        costMicros: z.int(),
        p50Ms: z.number().nullable(),
        p95Ms: z.number().nullable(),
      }),
    ),
    totals: z.object({
      calls: z.int(),
      errors: z.int(),
      denied: z.int(),
      costMicros: z.int().describe('Millionths of the currency of the workspace.'),
    }),
  }),
});
