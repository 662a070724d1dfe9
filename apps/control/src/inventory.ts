import { alertReaders } from './alerts/alerts.routes.js';
import { ALERT_PATH } from './alerts/page.js';
import { APPROVAL_PATH } from './approvals/page/routes.js';
import { SECRET_PATH } from './connections/secret-page/routes.js';
import { writers } from './http/guards.js';
import { pathOf } from './http/mount.js';
import type { AnyRoute, Method } from './http/route.js';
import { allRoutes } from './routes.js';

export interface InventoryEntry {
  method: Method;
  /** With `:name` for parameters. */
  path: string;
  /** What it does, in one line. */
  summary: string;
  /** What is asked of the caller, in order; empty for a route that anybody may call. */
  guards: string[];
  /** Parameters that hold an id, name or number of something in the caller's workspace. */
  tenantIds: string[];
}

/**
 * All routes for those who test them: cross-tenant fuzzing walks this list. GET stands for HEAD too, save
 * for streams: it runs the same guards.
 */
export const ROUTE_INVENTORY: readonly InventoryEntry[] = [
  ...allRoutes.map((route) => ({
    method: route.method,
    path: pathOf(route),
    summary: route.summary,
    guards: guardsOf(route),
    tenantIds: [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!),
  })),
  // Beside the table, because it takes a form; `findConnection` is its guard.
  ...(['GET', 'POST'] as const).map((method) => ({
    method,
    path: SECRET_PATH,
    summary: method === 'GET' ? 'The page where a secret is entered' : 'Store or test a secret',
    guards: ['signed in', 'browser', writers.name],
    tenantIds: ['id'],
  })),
  // Likewise; the use-cases behind it ask the request who may see and decide it.
  ...(['GET', 'POST'] as const).map((method) => ({
    method,
    path: APPROVAL_PATH,
    summary: method === 'GET' ? 'The page where a call is approved' : 'Decide, or take back',
    guards: ['signed in', 'browser'],
    tenantIds: ['id'],
  })),
  {
    method: 'GET',
    path: ALERT_PATH,
    summary: 'The page of an alert, where its messages lead',
    guards: ['signed in', 'browser', alertReaders.name],
    tenantIds: ['id'],
  },
];

function guardsOf(route: AnyRoute): string[] {
  if (route.kind === 'open') return [];
  return route.kind === 'person' ? ['signed in', 'browser'] : route.guards.map(({ name }) => name);
}
