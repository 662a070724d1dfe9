import { readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * One server that connections may name. Only the operator writes these: a tenant chooses among them
 * and never supplies a command.
 *
 * In `args`, the values of `env` and the paths, `{state}` stands for a directory of the connection's own, kept
 * between runs and shared with no other tenant or connection.
 */
const catalogueEntry = z.strictObject({
  description: z.string().optional(),
  /** An absolute path or a name on the system's path; `node` means the worker's own. Never a shell line. */
  command: z.string().min(1).max(4096),
  args: z.array(z.string().max(4096)).max(64).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
  /** Seen by the server beside the system's own programs; binding where there is a sandbox. */
  readOnlyPaths: z.array(z.string().min(1)).default([]),
  writablePaths: z.array(z.string().min(1)).default([]),
  network: z.boolean().default(false),
  memoryMb: z.int().min(32).max(65_536).default(512),
  /** Whether a connection may add arguments of its own, never options. */
  acceptsArgs: z.boolean().default(false),
  /** Names of variables that a connection may set; others (NODE_OPTIONS, LD_PRELOAD) would run code. */
  acceptsEnv: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/)).default([]),
});

export type CatalogueEntry = z.infer<typeof catalogueEntry>;
export type Catalogue = ReadonlyMap<string, CatalogueEntry>;

/** Reads the operator's catalogue, an object of name → server; throws one sentence when it is unusable. */
export function loadCatalogue(path: string | undefined): Catalogue {
  if (path === undefined) return new Map();
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(
      `The catalogue of stdio servers (STDIO_CATALOG, ${path}) cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return parseCatalogue(value, path);
}

export function parseCatalogue(value: unknown, source = 'STDIO_CATALOG'): Catalogue {
  const parsed = z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/), catalogueEntry)
    .safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new Error(
      `The catalogue of stdio servers (${source}) is wrong at ${issue.path.join('.') || 'its top'}: ${issue.message}.`,
    );
  }
  return new Map(Object.entries(parsed.data));
}
