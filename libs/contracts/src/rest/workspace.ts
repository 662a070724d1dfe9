import { z } from 'zod';
import { idOf, Role, Timestamp } from './common.js';

export const WorkspaceView = z
  .object({
    id: idOf('ten'),
    slug: z.string(),
    name: z.string(),
    limitProfile: z.enum(['standard', 'burst', 'host']),
    activePolicy: z.int().nullable(),
    /** The address to enter in ChatGPT, Claude, Cursor and others. */
    connectUrl: z.string(),
    createdAt: Timestamp,
  })
  .meta({ id: 'Workspace' });

/** Who the key speaks for. */
export const Me = z.object({
  member: z.object({
    id: idOf('mem'),
    email: z.string(),
    roles: z.array(Role),
    groups: z.array(z.string()),
  }),
  workspace: z.object({ id: idOf('ten'), slug: z.string(), name: z.string() }),
  key: z.object({ id: idOf('key'), scopes: z.array(z.string()) }),
});
