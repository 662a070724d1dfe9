import { API_PREFIX } from './http/mount.js';
import type { Method } from './http/route.js';
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
  path: route.kind === 'api' ? `${API_PREFIX}${route.path}` : route.path,
  guards: route.kind === 'api' ? route.guards.map(({ name }) => name) : [],
  tenantIds: [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name!),
}));
