import { z } from 'zod';
import { Permission } from './access.js';
import { idOf, Role, Timestamp } from './common.js';
import { Zone } from './zone.js';

const ToolChanges = z.enum(['strict', 'additive']);
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));
const LimitProfile = z.enum(['standard', 'burst', 'host']);

export const WorkspaceView = z
  .object({
    id: idOf('ten'),
    slug: z.string(),
    name: z.string(),
    limitProfile: LimitProfile,
    activePolicy: z.int().nullable(),
    /** `strict`: what a service changes or adds waits for an admin. `additive`: tools that it adds do not wait. */
    toolChanges: ToolChanges,
    /** Days that arguments of calls, and events as a whole, are kept. Null: for ever. */
    retention: z.object({ payloadDays: z.int().nullable(), eventDays: z.int().nullable() }),
    /** Of all amounts, ISO 4217. */
    currency: z.string(),
    /** Whose days, weeks and months budgets count by, IANA. */
    zone: z.string(),
    /** The address to enter in ChatGPT, Claude, Cursor and others. */
    connectUrl: z.string(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Workspace' });
export type WorkspaceView = z.infer<typeof WorkspaceView>;

export const WorkspacePatch = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[^\p{C}]*$/u, 'must be one line of visible text')
    .optional(),
  /** `standard`: 60 calls a minute and 1,000 an hour. `burst`: 30 in 10 s. `host`: what the operator set. */
  limitProfile: LimitProfile.optional(),
  /** `strict`: what a service changes or adds waits for an admin. `additive`: tools that it adds do not wait. */
  toolChanges: ToolChanges.optional(),
  /** ISO 4217. Only as long as nothing has ever had a price. */
  currency: z
    .string()
    .refine((code) => CURRENCIES.has(code), 'must be a currency of ISO 4217 such as EUR')
    .optional(),
  /** The budgets of the running day, week and month go on by their local date. */
  zone: Zone.optional(),
  /** Full days. Null keeps for ever. */
  retention: z
    .strictObject({
      payloadDays: z.int().min(1).max(3_650).nullable().optional(),
      eventDays: z.int().min(30).max(3_650).nullable().optional(),
    })
    .optional(),
});
export type WorkspacePatch = z.infer<typeof WorkspacePatch>;

/** Who the key or browser session speaks for. */
export const Me = z.object({
  member: z.object({
    id: idOf('mem'),
    email: z.string(),
    roles: z.array(Role),
    permissions: z.array(Permission),
    groups: z.array(z.string()),
  }),
  workspace: z.object({ id: idOf('ten'), slug: z.string(), name: z.string() }),
  /** Null in a browser session. */
  key: z.object({ id: idOf('key'), scopes: z.array(z.string()) }).nullable(),
});

/** Who is signed in in this browser, and where they may go. */
export const SessionView = z
  .object({
    person: z.object({ id: idOf('usr'), email: z.string(), name: z.string() }),
    /** Those that the person has joined, by name. */
    workspaces: z.array(
      z.object({
        id: idOf('ten'),
        slug: z.string(),
        name: z.string(),
        memberId: idOf('mem'),
        roles: z.array(Role),
      }),
    ),
    csrf: z.string().meta({
      description: 'Send as X-Conducktor-CSRF with every request that is not GET',
    }),
    expiresAt: Timestamp,
  })
  .meta({ id: 'Session' });
