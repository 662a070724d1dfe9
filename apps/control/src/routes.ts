import { stringify } from 'yaml';
import { activityRoutes } from './activity/activity.routes.js';
import { alertRoutes } from './alerts/alerts.routes.js';
import { apiKeyRoutes } from './api-keys/api-keys.routes.js';
import { approvalRoutes } from './approvals/approvals.routes.js';
import { appRoutes } from './apps/apps.routes.js';
import { auditRoutes } from './audit/audit.routes.js';
import { budgetRoutes } from './budgets/budgets.routes.js';
import { connectionRoutes } from './connections/connections.routes.js';
import { freezeRoutes } from './freeze/freeze.routes.js';
import { heldCallRoutes } from './held-calls/held-calls.routes.js';
import { openApiOf } from './http/openapi.js';
import { openRoute, type AnyRoute, type PersonRoute, type Route } from './http/route.js';
import { initialAccessTokenRoutes } from './initial-access-tokens/initial-access-tokens.routes.js';
import { limitRoutes } from './limits/limits.routes.js';
import { memberRoutes } from './members/members.routes.js';
import { notificationRoutes } from './notifications/notifications.routes.js';
import { apiReference } from './pages/api-reference.js';
import { sendPage } from './pages/layout.js';
import { pageRoutes } from './pages/pages.routes.js';
import { policyRoutes, policySchemaRoute } from './policies/policies.routes.js';
import { priceListRoutes } from './price-lists/price-lists.routes.js';
import { rehearsalRoutes } from './policies/rehearsal/rehearsal.routes.js';
import { sessionRoutes } from './session/session.routes.js';
import { toolRoutes } from './tools/tools.routes.js';
import { toolsetRoutes } from './toolsets/toolsets.routes.js';
import { usageRoutes } from './usage/usage.routes.js';
import { workspaceRoutes } from './workspace/workspace.routes.js';

const apiRoutes: (Route | PersonRoute)[] = [
  ...sessionRoutes,
  ...workspaceRoutes,
  ...connectionRoutes,
  ...toolRoutes,
  ...toolsetRoutes,
  ...policyRoutes,
  ...approvalRoutes,
  ...rehearsalRoutes,
  ...memberRoutes,
  ...apiKeyRoutes,
  ...appRoutes,
  ...freezeRoutes,
  ...limitRoutes,
  ...budgetRoutes,
  ...priceListRoutes,
  ...heldCallRoutes,
  ...initialAccessTokenRoutes,
  ...notificationRoutes,
  ...alertRoutes,
  ...auditRoutes,
  ...activityRoutes,
  ...usageRoutes,
];

/** Every route of this service. A route that is not here is not served: the router is filled from it. */
export const allRoutes: AnyRoute[] = [
  ...apiRoutes,
  ...pageRoutes,
  policySchemaRoute,
  openRoute('/docs/api', 'The REST API as a page', async (control, _request, reply) =>
    sendPage(
      reply,
      'REST API of Conducktor',
      apiReference(openApiOf(apiRoutes, control.publicUrl)),
    ),
  ),
  openRoute('/openapi.json', 'Description of the REST API', async (control, _request, reply) =>
    reply.send(openApiOf(apiRoutes, control.publicUrl)),
  ),
  openRoute('/openapi.yaml', 'The same as YAML', async (control, _request, reply) =>
    reply
      .header('content-type', 'application/yaml')
      .send(stringify(openApiOf(apiRoutes, control.publicUrl), { aliasDuplicateObjects: false })),
  ),
];
