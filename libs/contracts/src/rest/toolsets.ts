import { z } from 'zod';
import { idOf, Slug, Timestamp } from './common.js';

/**
 * What a connection offers besides tools, as policies, toolsets and records name it: `<slug>_` and one
 * of these. No tool can have such a name, because tool names hold no slash.
 */
export const ENTRY_NAMES = [
  'completion/complete',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
] as const;
export type EntryName = (typeof ENTRY_NAMES)[number];

/** Whether names carry the slug of their connection: all of them, those that would be equal, none. */
export const ToolsetPrefix = z.enum(['always', 'on-conflict', 'never']);
export type ToolsetPrefix = z.infer<typeof ToolsetPrefix>;

/** `search` lists two tools instead of all: one that finds tools and one that calls them by name. */
export const ToolsetMode = z.enum(['list', 'search']);
export type ToolsetMode = z.infer<typeof ToolsetMode>;

const Globs = z
  .array(
    z
      .string()
      .max(128)
      .regex(
        /^[A-Za-z0-9_*/-]+$/,
        'must be a name such as "linear-prod_create_issue", with "*" for any characters',
      ),
  )
  .min(1)
  .max(100);

export const NewToolset = z.strictObject({
  slug: Slug,
  /** Globs over global names, `<connection>_<tool>` and `<connection>_resources/read` and the like. */
  tools: Globs,
  prefix: ToolsetPrefix.default('always'),
  mode: ToolsetMode.default('list'),
});
export type NewToolset = z.infer<typeof NewToolset>;

/** Only what is given changes. The slug is an address that clients keep, so it never does. */
export const ToolsetPatch = z.strictObject({
  tools: Globs.optional(),
  prefix: ToolsetPrefix.optional(),
  mode: ToolsetMode.optional(),
});
export type ToolsetPatch = z.infer<typeof ToolsetPatch>;

export const ToolsetView = z
  .object({
    id: idOf('tls'),
    slug: z.string(),
    /** The address for clients. */
    url: z.string(),
    tools: z.array(z.string()),
    prefix: ToolsetPrefix,
    mode: ToolsetMode,
    /** Slugs of the connections of which it shows anything now. */
    connections: z.array(z.string()),
    /** How many tools the globs select now; what each person sees of them, policies decide. */
    selected: z.int(),
    /** Globs that select nothing now. */
    unmatched: z.array(z.string()),
    /** Names that several tools would have had, and how each of them is shown instead. */
    collisions: z.array(
      z.object({
        name: z.string(),
        tools: z.array(z.object({ tool: z.string(), shownAs: z.string() })),
      }),
    ),
    createdAt: Timestamp,
  })
  .meta({ id: 'Toolset' });
export type ToolsetView = z.infer<typeof ToolsetView>;
