const MAX_CHARS = 200;

/**
 * What a client says of itself, for people to read: without characters that cannot be seen or that
 * Postgres cannot hold, and short. `null` for nothing.
 */
export function shown(text: string | undefined): string | null {
  if (!text) return null;
  const clean = text
    .slice(0, MAX_CHARS)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '')
    .trim();
  return clean === '' ? null : clean;
}
