import { z } from 'zod';
import { managementTool } from './tool.js';

const example = '{"id":"no-deletes","when":{"class":["destructive"]},"effect":"deny"}';

export const CREATE_POLICY = managementTool({
  name: 'conducktr_create_policy',
  class: 'write',
  roles: ['owner', 'admin'],
  input: z.strictObject({
    rule: z
      .union([
        z
          .string()
          .min(1)
          .max(16 * 1024),
        z.record(z.string(), z.unknown()),
      ])
      .describe(`One rule, as an object or as YAML or JSON text, such as ${example}`),
  }),
  output: z.object({
    version: z.int().describe('The new draft. It decides nothing until a person activates it.'),
    basedOn: z.int().nullable().describe('The active version that it was made of.'),
    summary: z.string().describe('The new rule in words.'),
    diff: z.string().describe('Lines that the draft has more than the active version.'),
    activate: z.object({ method: z.literal('POST'), url: z.string() }),
    next: z.string().describe('What to tell the person.'),
  }),
});
