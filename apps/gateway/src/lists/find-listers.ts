import type { GovernedDeps } from '../governed.js';
import { limitRequest, type WithinRequestLimit } from '../tool-call/limit.js';
import { standing } from '../tool-call/standing.js';
import type { Caller } from '../tool-call/types.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { fetchPage } from './fetch-page.js';
import { offers, type ListMethod } from './lists.js';

/** A name or URI that does not say whose it is. */
export type Sought = { kind: 'resource'; uri: string } | { kind: 'prompt'; name: string };

// Pages are looked through for one name, mostly out of the cache.
const MAX_PAGES = 10;
// Of all lists together: what a slow server has not listed by then is not found there.
const LOOK_MS = 10_000;

/**
 * The connections that it may belong to, in the order of slugs: those that list it, or a template that
 * it begins like. Only lists that the caller may see are looked at. More than one is nobody's: a server
 * that lists what is its neighbour's must not be asked in its place.
 */
export async function findListers(
  deps: GovernedDeps,
  caller: Caller,
  candidates: readonly ConnectionEntry[],
  sought: Sought,
): Promise<ConnectionEntry[]> {
  const method = sought.kind === 'prompt' ? 'prompts/list' : 'resources/list';
  const able = candidates.filter((connection) => offers(connection, method));
  // Where there is no choice nothing needs to be listed, and a server may have more than it lists.
  if (candidates.length <= 1) return [...candidates];
  if (able.length <= 1) return able;
  const request = await limitRequest(deps, caller, method);
  const until = performance.now() + LOOK_MS;
  const lists = await Promise.all(
    able.map(async (connection) => {
      const ids = await idsOf(deps, request, connection, method, until);
      if (sought.kind === 'prompt') return ids.includes(sought.name);
      if (ids.includes(sought.uri)) return true;
      const templates = await idsOf(deps, request, connection, 'resources/templates/list', until);
      return templates.some((template) => beginsLike(sought.uri, template));
    }),
  );
  return able.filter((_, index) => lists[index]);
}

/** The same template, or what stands in front of its first expression. */
function beginsLike(uri: string, template: string): boolean {
  if (template === uri) return true;
  const begins = template.split('{', 1)[0]!;
  // A scheme alone says nothing of whose it is.
  return /^[a-z][a-z0-9+.-]*:(?:\/\/)?[^/]/i.test(begins) && uri.startsWith(begins);
}

async function idsOf(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  connection: ConnectionEntry,
  method: ListMethod,
  until: number,
): Promise<string[]> {
  if (standing(request.caller, connection, method) !== 'listed') return [];
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && performance.now() < until; pages++) {
    const found = await fetchPage(deps, request, method, connection, cursor);
    if (found === 'denied') break;
    for (const { id } of found.page.items) ids.push(id);
    if (found.page.next === undefined || found.page.next === cursor) break;
    cursor = found.page.next;
  }
  return ids;
}
