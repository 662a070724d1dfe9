/** One operation of the REST API as its description names it. */
export interface Operation {
  method: string;
  /** With {name} for parameters, below the origin. */
  path: string;
  parameters: string[];
  /** Names of query parameters. */
  query: string[];
}

interface Description {
  paths: Record<
    string,
    Record<string, { parameters?: { name: string; in: string }[]; requestBody?: unknown }>
  >;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation that the running stack says it serves. */
export async function operationsOf(publicUrl: string): Promise<Operation[]> {
  const description = (await (await fetch(`${publicUrl}/openapi.json`)).json()) as Description;
  return Object.entries(description.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      method: method.toUpperCase(),
      path,
      parameters: [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]!),
      query: (item[method]!.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name),
    })),
  );
}

/** A body that passes the schema of the operation, where one is needed to get as far as the id. */
export function bodyFor(operation: Operation): unknown {
  const { method, path } = operation;
  if (method === 'GET' || method === 'DELETE') return undefined;
  if (method === 'PATCH' && path.includes('/connections')) return { timeoutMs: 5_000 };
  if (method === 'PATCH' && path.includes('/limits'))
    return { allowances: [{ limit: 1, seconds: 1 }] };
  if (path.includes('/toolsets')) return method === 'PATCH' ? { mode: 'search' } : {};
  if (method === 'PUT' && path.includes('/cost')) return { kind: 'free' };
  if (/\/approvals\/.*\/(approve|reject)$/.test(path)) return { reason: 'As agreed' };
  if (path.endsWith('/reconcile')) return { release: true, reason: 'It never arrived' };
  if (/\/(accept|reject)$/.test(path)) return { definitionHash: 'f'.repeat(64) };
  if (path.includes('/tools')) return method === 'PATCH' ? { hidden: true } : undefined;
  return {};
}
