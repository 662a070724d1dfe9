import { Readable } from 'node:stream';
import { AuditExportTrailer, SealedEventView, type AuditExportQuery } from '@conducktor/contracts';
import { firstSeq, lastSeq, sealedEventsBetween } from '@conducktor/db';
import type { StreamContext } from '../http/route.js';
import { createPlaces, cutWhenStalled } from '../http/streaming.js';
import { CSV_HEADER, csvOf, csvTrailer } from './csv.js';
import { toEventView } from './event-view.js';
import { recordChange } from './record-change.js';

// Read, written and forgotten at a time: what an export holds in memory, whatever its length.
const EVENTS_AT_ONCE = 1_000;
const RIGHT_CHECKED_MS = 500;
const places = createPlaces({ each: 2, all: 6 });
const FULL = {
  each: 'This workspace has two exports under way. Wait until one has ended.',
  all: 'As many exports of audit events are under way here as may be at once. Try again in a few seconds.',
};

/**
 * The sealed sequence from `after` to where it ended when the export began, as NDJSON or CSV. The last
 * line says that it is complete. Recorded before the first line leaves.
 */
export async function exportEvents(context: StreamContext<typeof AuditExportQuery>): Promise<void> {
  const { control, caller, query, reply } = context;
  const leave = places.take(caller.tenantId, FULL);
  try {
    const upTo = await control.db.withTenant(caller.tenantId, lastSeq);
    const asked = Object.fromEntries(
      Object.entries(query).filter(([, value]) => value !== undefined),
    );
    await control.prisma.withTenant(caller.tenantId, (tx) =>
      recordChange(tx, caller, 'audit.export', { asked, upTo }),
    );
    const stream = Readable.from(lines(context, upTo), { objectMode: false });
    stream.once('close', leave);
    cutWhenStalled(reply);
    await reply
      .header('content-type', TYPES[query.format])
      .header('content-disposition', `attachment; filename="audit.${query.format}"`)
      .send(stream);
  } catch (error) {
    leave();
    throw error;
  }
}

const TYPES = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const;

async function* lines(
  { control, caller, query, stillAllowed }: StreamContext<typeof AuditExportQuery>,
  upTo: number,
): AsyncGenerator<string> {
  const { format, after, ...conditions } = query;
  if (format === 'csv') yield CSV_HEADER;
  let events = 0;
  // What is not kept any more holds nothing to look for.
  const first = await control.db.withTenant(caller.tenantId, firstSeq);
  let place = Math.max(after, (first ?? upTo + 1) - 1);
  let checkedAt = performance.now();
  while (place < upTo) {
    if (performance.now() - checkedAt > RIGHT_CHECKED_MS) {
      await stillAllowed();
      checkedAt = performance.now();
    }
    const span = { after: place, upTo: Math.min(place + EVENTS_AT_ONCE, upTo) };
    const rows = await control.db.withTenant(caller.tenantId, (tx) =>
      sealedEventsBetween(tx, span, conditions),
    );
    place = span.upTo;
    events += rows.length;
    let text = '';
    for (const row of rows) {
      const view = SealedEventView.parse(toEventView(row));
      text += format === 'csv' ? csvOf(view) : `${JSON.stringify(view)}\n`;
    }
    if (text !== '') yield text;
  }
  const trailer = AuditExportTrailer.parse({
    complete: true,
    events,
    nextAfter: Math.max(after, upTo),
  });
  yield format === 'csv' ? csvTrailer(trailer) : `${JSON.stringify(trailer)}\n`;
}
