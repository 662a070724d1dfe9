import { SessionView, type Role } from '@conducktor/contracts';
import { membershipsOf } from '@conducktor/db';
import { personRoute } from '../http/route.js';

export const sessionRoutes = [
  personRoute('/session', {
    summary: 'Who is signed in in this browser, their workspaces, and the token for changes',
    answer: SessionView,
    handle: async ({ db }, person) => {
      const memberships = await membershipsOf(db, person.userId);
      return {
        person: { id: person.userId, email: person.email, name: person.displayName },
        workspaces: memberships.map((each) => ({
          id: each.tenantId,
          slug: each.tenantSlug,
          name: each.tenantName,
          memberId: each.memberId,
          roles: each.roles as Role[],
        })),
        csrf: person.csrf,
        expiresAt: person.expiresAt.toISOString(),
      };
    },
  }),
];
