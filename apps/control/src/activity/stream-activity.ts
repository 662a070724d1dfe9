import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { SealedEventView, type ActivityQuery } from '@conducktor/contracts';
import { firstSeq, sealedEventsBetween, type SealedRow } from '@conducktor/db';
import type { Control } from '../control.js';
import { toEventView } from '../audit/event-view.js';
import type { StreamContext } from '../http/route.js';
import { createPlaces, cutWhenStalled } from '../http/streaming.js';
import { BATCH, type Feed } from './feed.js';

// Proxies in between drop silent connections, commonly after 30 to 60 seconds.
const HEARTBEAT_MS = 15_000;
const RIGHT_CHECKED_MS = 400;
// Unsent for a reader that is slow; it comes back to where it stopped.
const MOST_UNSENT = 1024 * 1024;
const RETRY_MS = 2_000;
const LAST_WORDS_MS = 200;

const perMember = createPlaces({ each: 5, all: 100 });
const perWorkspace = createPlaces({ each: 25, all: 100 });
const ALL_FULL =
  'Too many listen to the activity of workspaces here already. Try again in a few seconds.';
const OWN_FULL = {
  each: 'You have five streams of activity open already. Close one of them first.',
  all: ALL_FULL,
};
const FULL = {
  each: 'Too many listen to the activity of this workspace already. Close another stream first.',
  all: ALL_FULL,
};

/**
 * Each event of the workspace as it is sealed, as server-sent events (WHATWG HTML) whose ids are places
 * in the sequence: whoever comes back with the last one misses nothing and gets nothing twice. Ends when
 * the right to listen does.
 */
export async function streamActivity(context: StreamContext<typeof ActivityQuery>): Promise<void> {
  const { control, caller, reply } = context;
  const { tenantId } = caller;
  const leaveOwn = perMember.take(`${tenantId} ${caller.memberId}`, OWN_FULL);
  let leaveShared: () => void;
  try {
    leaveShared = perWorkspace.take(tenantId, FULL);
  } catch (error) {
    leaveOwn();
    throw error;
  }
  const stream = new PassThrough();
  const feed = control.feeds.use(tenantId);
  stream.once('close', () => {
    leaveOwn();
    leaveShared();
    control.feeds.leave(tenantId);
  });
  // Cut connections are a listener's way to go.
  stream.on('error', () => {});
  try {
    await begin(context, stream, await feed);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  cutWhenStalled(reply);
  void reply
    .header('content-type', 'text/event-stream')
    .header('x-accel-buffering', 'no')
    .send(stream);
}

async function begin(
  { control, request, query, stillAllowed }: StreamContext<typeof ActivityQuery>,
  stream: PassThrough,
  feed: Feed,
): Promise<void> {
  const from = placeOf(request.headers['last-event-id']) ?? query.after;
  stream.write(`retry: ${RETRY_MS}\n\n`);
  const kept = from === undefined ? undefined : await afterGap(control, feed, stream, from);
  const timers = [
    setInterval(() => stream.writable && stream.write(': still here\n\n'), HEARTBEAT_MS),
    endWhenRefused(stream, stillAllowed),
  ];
  stream.once('close', () => timers.forEach((timer) => clearInterval(timer)));
  void follow(control, feed, stream, Math.min(kept ?? feed.head, feed.head)).catch(() =>
    // Whoever listens comes back and goes on where this stopped.
    stream.end(),
  );
}

function placeOf(lastEventId: string | string[] | undefined): number | undefined {
  return typeof lastEventId === 'string' && /^\d{1,15}$/.test(lastEventId)
    ? Number(lastEventId)
    : undefined;
}

/** Tells what lay between and is no longer kept, and returns the place after it. */
async function afterGap(
  { db }: Pick<Control, 'db'>,
  { tenantId }: Feed,
  stream: PassThrough,
  from: number,
): Promise<number> {
  const first = await db.withTenant(tenantId, firstSeq);
  if (first === undefined || first <= from + 1) return from;
  stream.write(`event: gap\ndata: ${JSON.stringify({ fromSeq: from + 1, toSeq: first - 1 })}\n\n`);
  return first - 1;
}

function endWhenRefused(stream: PassThrough, stillAllowed: () => Promise<void>): NodeJS.Timeout {
  let asking = false;
  return setInterval(() => {
    if (asking) return;
    asking = true;
    stillAllowed().then(
      () => (asking = false),
      () => {
        stream.end();
        // What a slow reader has not taken by then, it gets no more.
        setTimeout(() => stream.destroy(), LAST_WORDS_MS);
      },
    );
  }, RIGHT_CHECKED_MS);
}

/** Catches up at the reader's pace, then goes along with the feed. */
async function follow(
  { db }: Pick<Control, 'db'>,
  feed: Feed,
  stream: PassThrough,
  from: number,
): Promise<void> {
  let place = from;
  while (place < feed.head && stream.writable) {
    const span = { after: place, upTo: Math.min(place + BATCH, feed.head) };
    const rows = await db.withTenant(feed.tenantId, (tx) => sealedEventsBetween(tx, span));
    place = span.upTo;
    if (!stream.writable) return;
    if (rows.length > 0 && !stream.write(textOf(rows)))
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
  }
  if (!stream.writable) return;
  const listener = (rows: readonly SealedRow[]) => {
    if (!stream.writable) return;
    if (stream.writableLength + stream.readableLength > MOST_UNSENT) stream.destroy();
    else stream.write(textOf(rows));
  };
  feed.add(listener);
  stream.once('close', () => feed.remove(listener));
  stream.once('finish', () => feed.remove(listener));
}

function textOf(rows: readonly SealedRow[]): string {
  return rows
    .map((row) => {
      const view = SealedEventView.parse(toEventView(row));
      return `id: ${row.seq}\ndata: ${JSON.stringify(view)}\n\n`;
    })
    .join('');
}
