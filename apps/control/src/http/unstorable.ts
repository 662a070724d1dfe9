import { ConducktorError } from '@conducktor/contracts';

/** Refuses text that Postgres cannot hold: NUL characters and halves of surrogate pairs. */
export function refuseUnstorable(text: string, value: unknown): void {
  // Both can only come from escapes; almost no body has one, so the walk is rare.
  if (!/\\u(0000|d[89a-f])/i.test(text)) return;
  if (hasUnstorable(value))
    throw new ConducktorError(
      'invalid_request',
      'The request has text with a NUL or a broken character.',
    );
}

function hasUnstorable(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000') || !value.isWellFormed();
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasUnstorable);
  return Object.entries(value).some(([key, member]) => hasUnstorable(key) || hasUnstorable(member));
}
