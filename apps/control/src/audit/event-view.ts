import type { AuditEventView, SealedEventView } from '@conducktor/contracts';
import type { AuditRow, SealedRow } from '@conducktor/db';

/** Metadata only: arguments are sealed, and reading them needs another permission. */
export function toEventView(row: AuditRow): AuditEventView;
export function toEventView(row: SealedRow): SealedEventView;
export function toEventView(row: SealedRow): SealedEventView {
  const { rule, action, ...detail } = row.detail;
  return {
    ...row,
    at: row.at.toISOString(),
    rule: typeof rule === 'string' ? rule : null,
    action: typeof action === 'string' ? action : null,
    detail,
  };
}
