import { AlertKind, AlertView, type AlertQuery } from '@conducktor/contracts';
import { findAlert, listAlerts, type AlertRow, type TenantTx } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { pageBy, type Page } from '../http/pages.js';

/** What was told, and what was passed together with it; a cursor is the alert after which the page begins. */
export async function readAlerts(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  { limit, cursor, kind, subject }: AlertQuery,
): Promise<Page<AlertView>> {
  const page = await pageBy(
    { limit, cursor },
    (row: AlertRow) => `${row.at.toISOString()} ${row.id}`,
    (after, take) =>
      db.withTenant(tenantId, (tx) =>
        listAlerts(tx, { kind, subject, before: placeOf(after), take }),
      ),
  );
  return { ...page, items: page.items.map(alertView) };
}

/** Whether an event of the outbox is of an alert. */
export const isAlertKind = (kind: string): kind is AlertKind => AlertKind.safeParse(kind).success;

/** Undefined when there is none. */
export async function readAlert(tx: TenantTx, id: string): Promise<AlertView | undefined> {
  const row = await findAlert(tx, id);
  return row && alertView(row);
}

const alertView = ({ at, endedAt, ...row }: AlertRow): AlertView =>
  AlertView.parse({
    ...row,
    at: at.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  });

function placeOf(cursor: string | undefined): { at: Date; id: string } | undefined {
  const [at, id] = cursor?.split(' ') ?? [];
  // What this list never gave out begins at the newest.
  return id !== undefined && !Number.isNaN(Date.parse(at!)) ? { at: new Date(at!), id } : undefined;
}
