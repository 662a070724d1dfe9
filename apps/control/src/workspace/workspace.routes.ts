import { Me, WorkspacePatch, WorkspaceView } from '@conducktor/contracts';
import { role, scope, signedIn } from '../http/guards.js';
import { route } from '../http/route.js';
import { updateWorkspace } from './update-workspace.js';
import { toWorkspaceView } from './workspace-view.js';

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
      return toWorkspaceView(tenant, control.publicUrl);
    },
  }),
  route('PATCH', '/workspace', {
    summary:
      'Set name, limits, which changes of tools wait, how long arguments and events are kept, currency or zone',
    guards: [signedIn, scope('admin'), role('owner', 'admin')],
    body: WorkspacePatch,
    answer: [200, WorkspaceView],
    handle: ({ control, caller, body }) => updateWorkspace(control, caller, body),
  }),
];
