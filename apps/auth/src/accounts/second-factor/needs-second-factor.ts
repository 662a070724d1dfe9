import type { SecondFactors } from '@conducktor/db';

/** Whether this account's password does not suffice. */
export const needsSecondFactor = ({ totp, passkeys }: SecondFactors): boolean =>
  totp !== undefined || passkeys > 0;
