import { z } from 'zod';
import { Permission } from './access.js';
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
