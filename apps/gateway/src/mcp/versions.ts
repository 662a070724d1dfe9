/** MCP revisions that this gateway serves, newest first. */

/** Per-request `_meta`, no handshake, no sessions. */
export const MODERN_VERSIONS = ['2026-07-28'] as const;

/** Begun by `initialize`. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

/** `server/discover` lists all of them: a client that sees only one may stall. */
export const SERVED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];

/** What a legacy request speaks that names no version and has no session (2025-06-18, transports). */
export const VERSION_UNNAMED = '2025-03-26';

/** The only revision that allows JSON-RPC batches. */
export const VERSION_WITH_BATCHES = '2025-03-26';

export function isServedModern(version: string): boolean {
  return (MODERN_VERSIONS as readonly string[]).includes(version);
}

export function isServedLegacy(version: string): boolean {
  return (LEGACY_VERSIONS as readonly string[]).includes(version);
}

/** Whether a version, served or not, belongs to the era without `initialize`. Versions sort as text. */
export function isModernVersion(version: string): boolean {
  return version >= MODERN_VERSIONS[MODERN_VERSIONS.length - 1]!;
}

/**
 * The version that `initialize` answers with: the one asked for, else the nearest older one that we
 * serve, else the newest legacy one. Never an error: negotiation is what `initialize` is for.
 */
export function negotiateVersion(requested: unknown): string {
  const newest = LEGACY_VERSIONS[0];
  if (typeof requested !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(requested)) return newest;
  return LEGACY_VERSIONS.find((served) => served <= requested) ?? newest;
}
