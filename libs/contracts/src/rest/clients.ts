import { z } from 'zod';
import { idOf, Timestamp } from './common.js';

/** The only answer that ever holds the token. It registers one client, once, at `/oauth2/register`. */
export const InitialAccessTokenCreated = z.object({
  id: idOf('iat'),
  token: z.string(),
  scope: z.literal('dcr.create'),
  expiresAt: Timestamp,
});
export type InitialAccessTokenCreated = z.infer<typeof InitialAccessTokenCreated>;

export const InitialAccessTokenView = z
  .object({
    id: idOf('iat'),
    /** Who made it. */
    memberId: idOf('mem'),
    scope: z.literal('dcr.create'),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .meta({ id: 'InitialAccessToken' });
