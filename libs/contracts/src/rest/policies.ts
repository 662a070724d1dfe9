import { z } from 'zod';
import { PolicyDocument } from '../policy-document.js';
import { idOf, Timestamp } from './common.js';

export const NewPolicy = z.strictObject({
  /** YAML or JSON text, or the document itself. What is in it, the policy parser checks. */
  document: z.union(
    [
      z
        .string()
        .min(1)
        .max(512 * 1024),
      z.record(z.string(), z.unknown()),
    ],
    {
      error: 'must be YAML or JSON text, or an object',
    },
  ),
});

export const PolicyCreated = z.object({ version: z.int() });

export const PolicySummary = z
  .object({
    version: z.int(),
    active: z.boolean(),
    createdAt: Timestamp,
    createdBy: idOf('mem').nullable(),
  })
  .meta({ id: 'PolicySummary' });

export const PolicyView = PolicySummary.extend({
  /** As it was sent. */
  source: z.string(),
  document: PolicyDocument,
}).meta({ id: 'Policy' });

export const PolicyActivated = z.object({
  version: z.int(),
  active: z.literal(true),
  /** How many of the policy's own tests ran, and passed. */
  testsPassed: z.int(),
});
