import { pathOf } from './http/mount.js';
import type { AnyRoute, Method } from './http/route.js';
import { allRoutes } from './routes.js';

export interface InventoryEntry {
  method: Method;
  /** With `:name` for parameters. */
  path: string;
  /** What is asked of the caller, in order; empty for a route that anybody may call. */
  guards: string[];
  /** Parameters that hold an id, name or number of something in the caller's workspace. */
  tenantIds: string[];
}

/**
 * All routes for those who test them: cross-tenant fuzzing walks this list. GET stands for HEAD too,
 * which runs the same guards.
 */
export const ROUTE_INVENTORY: readonly InventoryEntry[] = allRoutes.map((route) => ({
  method: route.method,
  path: pathOf(route),
  guards: guardsOf(route),
  tenantIds: [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!),
}));

function guardsOf(route: AnyRoute): string[] {
  if (route.kind === 'open') return [];
  return route.kind === 'person' ? ['signed in', 'browser'] : route.guards.map(({ name }) => name);
}
