import { Me, WorkspaceView } from '@conducktor/contracts';
import { scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';

export const workspaceRoutes = [
  route('GET', '/me', {
    summary: 'Who this key speaks for, and where',
    guards: [signedIn, scope('admin')],
    answer: [200, Me],
    handle: async ({ control, caller }) => {
      const { tenantId } = caller;
      const tenant = await control.prisma.withTenant(tenantId, (tx) =>
        tx.tenant.findUniqueOrThrow({ where: { id: tenantId } }),
      );
      return {
        member: {
          id: caller.memberId,
          email: caller.email,
          roles: caller.roles,
          permissions: caller.permissions,
          groups: caller.groups,
        },
        workspace: { id: tenant.id, slug: tenant.slug, name: tenant.name },
        key: caller.via === 'key' ? { id: caller.clientId, scopes: caller.scopes } : null,
      };
    },
  }),
  route('GET', '/workspace', {
    summary: 'The workspace of this key',
    guards: [signedIn, scope('admin')],
    answer: [200, WorkspaceView],
    handle: async ({ control, caller }) => {
      const { tenantId } = caller;
      const tenant = await control.prisma.withTenant(tenantId, (tx) =>
        tx.tenant.findUniqueOrThrow({ where: { id: tenantId } }),
      );
      return {
        id: tenant.id,
        slug: tenant.slug,
        name: tenant.name,
        limitProfile: tenant.limitProfile as 'standard' | 'burst' | 'host',
        activePolicy: tenant.activePolicy,
        connectUrl: `${control.publicUrl}/mcp`,
        createdAt: tenant.createdAt.toISOString(),
      };
    },
  }),
];
