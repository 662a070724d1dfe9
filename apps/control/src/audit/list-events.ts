import type { AuditEventView, AuditQuery } from '@conducktor/contracts';
import { listAuditEvents, type AuditRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';

/** Metadata only: arguments are sealed, and reading them needs another permission. */
export async function listEvents(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  query: AuditQuery,
): Promise<Page<AuditEventView>> {
  const page = await pageBy(
    query,
    (row: AuditRow) => String(row.seq),
    (after, take) =>
      db.withTenant(tenantId, (tx) =>
        listAuditEvents(tx, {
          before: after === undefined ? undefined : sequenceOf(after),
          limit: take,
          since: query.since,
          until: query.until,
          actor: query.actor,
          tool: query.tool,
          outcome: query.outcome,
          callId: query.callId,
        }),
      ),
  );
  return { ...page, items: page.items.map(toView) };
}

const sequenceOf = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : 0);

function toView(row: AuditRow): AuditEventView {
  const { rule, action, ...detail } = row.detail;
  return {
    ...row,
    at: row.at.toISOString(),
    rule: typeof rule === 'string' ? rule : null,
    action: typeof action === 'string' ? action : null,
    detail,
  };
}
