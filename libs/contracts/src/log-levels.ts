/** Severities of log messages (RFC 5424 section 6.2.1) by their names in MCP, the least severe first. */
export const LOG_LEVELS: readonly string[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export function isLogLevel(value: unknown): value is string {
  return typeof value === 'string' && LOG_LEVELS.includes(value);
}

/** Whether a message of `level` is wanted from `least` on; one of no known level always is. */
export function isLogWanted(level: unknown, least: string): boolean {
  const rank = LOG_LEVELS.indexOf(String(level));
  return rank === -1 || rank >= LOG_LEVELS.indexOf(least);
}
