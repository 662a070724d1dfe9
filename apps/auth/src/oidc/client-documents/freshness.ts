/** Seconds. */
export interface Bounds {
  min: number;
  max: number;
}

/**
 * For how many seconds an answer may be used again (RFC 9111 sections 4.2 and 5.2), within bounds:
 * whoever says "never" cannot make us fetch for each request, and nobody is believed for ever.
 */
export function freshSeconds(headers: Headers, { min, max }: Bounds, now = Date.now()): number {
  return Math.min(max, Math.max(min, declaredSeconds(headers, now) ?? min));
}

function declaredSeconds(headers: Headers, now: number): number | undefined {
  const directives = (headers.get('cache-control') ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store') || directives.includes('no-cache')) return 0;
  const [, maxAge] = /^max-age="?(\d{1,10})"?$/.exec(
    directives.find((directive) => directive.startsWith('max-age')) ?? '',
  ) ?? [undefined, undefined];
  const age = Number(headers.get('age') ?? 0) || 0;
  if (maxAge !== undefined) return Number(maxAge) - age;
  const expires = Date.parse(headers.get('expires') ?? '');
  return Number.isNaN(expires) ? undefined : Math.floor((expires - now) / 1000);
}
