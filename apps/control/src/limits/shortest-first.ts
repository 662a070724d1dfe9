import type { CallAllowance } from '@conducktor/contracts';

/** One order for what means the same. */
export const shortestFirst = (allowances: readonly CallAllowance[]): CallAllowance[] =>
  allowances.toSorted((one, other) => one.seconds - other.seconds);
