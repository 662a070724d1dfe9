const ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
  'EHOSTUNREACH',
]);
// Texts of pg, which gives these errors no code.
const LOST =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client .* not queryable)/;

/**
 * Whether an error of a query says that the database could not be asked, or not be heard: it ended, is
 * starting, has no room or no time. What was asked may have been done all the same.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  // SQLSTATE: 08 connection, 53 resources, 57P ended or starting, 57014 took too long.
  if (typeof code === 'string') return ERRNO.has(code) || /^(08...|53...|57P..|57014)$/.test(code);
  return LOST.test(error.message);
}
