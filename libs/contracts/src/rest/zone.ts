import { z } from 'zod';

/** IANA name of a zone. */
export const Zone = z
  .string()
  .max(64)
  .refine(isZone, 'must be the IANA name of a zone such as Europe/Berlin');

function isZone(name: string): boolean {
  // An offset is a zone to the runtime, but has no days of its own in the database.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
