// End-to-end files wait much for processes; two lanes use that time, and each runs its files one by one.
// A file that is not named here runs in the first lane, on the stack that all share.

/**
 * Files of the second lane, longest first: their installations are their own, or they ask little of the shared
 * stack and leave it as it is. With none here all files run one after the other.
 */
export const SECOND_LANE = [
  'e2e/crash.test.ts',
  'e2e/launcher.test.ts',
  'e2e/approval-page.test.ts',
  'e2e/canaries.test.ts',
  'e2e/backup.test.ts',
  'e2e/upgrade.test.ts',
  'e2e/default-secrets.test.ts',
];

/** Files that stop parts of the shared stack: each runs with nothing beside it, after all others. */
export const ALONE = ['e2e/policy-cli.test.ts', 'e2e/rolling.test.ts'];

/** The lanes that the file at `path` must have to itself, in the order in which to ask for them. */
export function lanesOf(path: string): string[] {
  const isIn = (files: string[]) => files.some((file) => path.endsWith(file));
  // Always the second first, so that nobody holds one lane and waits for the other's holder.
  if (isIn(ALONE)) return ['second', 'first'];
  return [isIn(SECOND_LANE) ? 'second' : 'first'];
}
