import type { AuditEventView, AuditQuery } from '@conducktor/contracts';
import { findAuditEvent, listAuditEvents, type AuditRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { pageBy, type Page } from '../http/pages.js';
import { toEventView } from './event-view.js';

/**
 * Calls with their outcomes, refusals and changes. A cursor is a place in the sequence: what is sealed
 * meanwhile moves nothing.
 */
export async function listEvents(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  { limit, cursor, ...filter }: AuditQuery,
): Promise<Page<AuditEventView>> {
  const page = await pageBy(
    { limit, cursor },
    (row: AuditRow) => String(row.seq),
    (after, take) =>
      db.withTenant(tenantId, (tx) =>
        listAuditEvents(tx, {
          ...filter,
          beyond: after === undefined ? undefined : sequenceOf(after),
          limit: take,
        }),
      ),
  );
  return { ...page, items: page.items.map((row) => toEventView(row)) };
}

export async function findEvent(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Caller,
  id: string,
): Promise<AuditEventView> {
  const row = await db.withTenant(tenantId, (tx) => findAuditEvent(tx, id));
  return toEventView(found(row, 'event'));
}

const sequenceOf = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : 0);
