import { ConducktorError } from '@conducktor/contracts';

export function requireOrder(validFrom: Date, validUntil: Date | null): void {
  if (validUntil !== null && validUntil <= validFrom)
    throw new ConducktorError('invalid_request', '"validUntil": must be after "validFrom".');
}
