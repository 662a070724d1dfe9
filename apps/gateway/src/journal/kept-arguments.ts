import type { CallRecord } from '@conducktor/audit-log';

// Encrypted arguments up to this size ride in the journal row itself.
const INLINE_BYTES = 1_024;

/** What the record says of where sealed arguments are; `apart`: the body writer is to be given them. */
export function placeOfArguments(sealed: Buffer): {
  fields: Pick<CallRecord, 'argumentsSealed' | 'argumentsIn'>;
  apart: boolean;
} {
  return sealed.length <= INLINE_BYTES
    ? { fields: { argumentsSealed: sealed.toString('base64') }, apart: false }
    : { fields: { argumentsIn: 'call_body' }, apart: true };
}
