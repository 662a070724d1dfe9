import type { GovernedDeps } from '../governed.js';
import { toClientPrompt, toClientUri } from '../resources/uris.js';
import { standing } from '../tool-call/standing.js';
import type { WithinRequestLimit } from '../tool-call/limit.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';
import type { View } from '../workspace/view.js';
import { fetchPage } from './fetch-page.js';
import type { Position } from './list-cursor.js';
import { LISTS, offers, type ListMethod } from './lists.js';
import type { CachedPage } from './page-cache.js';
import type { Item } from './read-page.js';

export interface Collected {
  /** As clients of this path see them. */
  items: Record<string, unknown>[];
  /** Where the list goes on; empty at its end. */
  next: Position[];
  /** Slugs of connections that are missing, or not shown to their end. */
  unavailable: string[];
  ttlMs: number;
}

const AT_ONCE = 16;
// One answer is finished with the upstreams that are being asked when it has this much.
const ANSWER_ITEMS = 1_000;
const ANSWER_CHARS = 2 * 1024 * 1024;
const ANSWER_MS = 8_000;
// What is shown of one upstream in all: a list that does not end is cut off.
const UPSTREAM_PAGES = 200;
const UPSTREAM_ITEMS = 5_000;
// The client has to send them back to us, in a body of at most 2 MiB.
const CURSOR_CHARS = 256 * 1024;

/** The connections whose list of this kind the caller may see here, from their beginnings. */
export function beginnings({ caller }: WithinRequestLimit, method: ListMethod): Position[] {
  return viewFor(caller)
    .connections.filter((connection) => offers(connection, method))
    .filter(
      (connection) =>
        connection.frozen === undefined && standing(caller, connection, method) === 'listed',
    )
    .map(({ id, revision }) => ({ connectionId: id, revision, pages: 0, items: 0 }));
}

/**
 * The next page of each upstream, in the order of slugs. One round over all of them comes before the
 * second page of any, so that a long list does not hide the others.
 */
export async function collect(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  method: ListMethod,
  positions: readonly Position[],
): Promise<Collected> {
  const view = viewFor(request.caller);
  const byId = new Map(view.connections.map((connection) => [connection.id, connection]));
  const collected: Collected = { items: [], next: [], unavailable: [], ttlMs: Infinity };
  const until = performance.now() + ANSWER_MS;
  const later: Position[] = [];
  let chars = 0;
  let done = 0;
  while (done < positions.length) {
    const group = positions.slice(done, done + AT_ONCE);
    done += group.length;
    const pages = await Promise.all(
      group.map(async (position) => {
        // A connection that is gone, changed, or that the caller may not list any more just ends.
        const connection = byId.get(position.connectionId);
        if (connection?.revision !== position.revision) return undefined;
        const page = await fetchPage(deps, request, method, connection, position.cursor);
        return page === 'denied' ? undefined : { position, connection, ...page };
      }),
    );
    for (const each of pages) {
      if (!each) continue;
      chars += each.page.size;
      add(collected, later, view, method, each);
    }
    if (
      collected.items.length >= ANSWER_ITEMS ||
      chars >= ANSWER_CHARS ||
      performance.now() >= until
    )
      break;
  }
  collected.next = bounded([...positions.slice(done), ...later], collected, byId);
  return collected;
}

function add(
  collected: Collected,
  later: Position[],
  view: View,
  method: ListMethod,
  {
    position,
    connection,
    page,
    ttlMs,
  }: CachedPage & { position: Position; connection: ConnectionEntry },
): void {
  const room = UPSTREAM_ITEMS - position.items;
  const shown = page.items.slice(0, room);
  for (const item of shown) collected.items.push(present(view, connection, method, item));
  collected.ttlMs = Math.min(collected.ttlMs, ttlMs);
  const after = {
    connectionId: connection.id,
    revision: connection.revision,
    cursor: page.next,
    pages: position.pages + 1,
    items: position.items + shown.length,
  };
  const endless =
    after.pages >= UPSTREAM_PAGES || after.items >= UPSTREAM_ITEMS || page.next === position.cursor;
  if (page.next !== undefined && !endless) later.push(after);
  if (!page.complete || shown.length < page.items.length || (page.next !== undefined && endless))
    collected.unavailable.push(connection.slug);
}

function bounded(
  next: Position[],
  { unavailable }: Collected,
  byId: ReadonlyMap<string, ConnectionEntry>,
): Position[] {
  let chars = 0;
  return next.filter(({ cursor = '', connectionId }) => {
    chars += cursor.length + connectionId.length;
    if (chars <= CURSOR_CHARS) return true;
    const slug = byId.get(connectionId)?.slug;
    if (slug !== undefined) unavailable.push(slug);
    return false;
  });
}

function present(
  view: View,
  connection: ConnectionEntry,
  method: ListMethod,
  { id, definition }: Item,
): Record<string, unknown> {
  const name = LISTS[method].id;
  const shown =
    name === 'name' ? toClientPrompt(view, connection, id) : toClientUri(view, connection, id);
  return { ...definition, [name]: shown };
}
