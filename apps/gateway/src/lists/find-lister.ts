import type { GovernedDeps } from '../governed.js';
import { standing } from '../tool-call/standing.js';
import { limitRequest, type WithinRequestLimit } from '../tool-call/limit.js';
import type { Caller } from '../tool-call/types.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { fetchPage } from './fetch-page.js';
import { offers, type ListMethod } from './lists.js';

/** A name that does not say whose it is. */
export type Sought = { kind: 'resource'; uri: string } | { kind: 'prompt'; name: string };

// Pages are looked through for one name, mostly out of the cache.
const MAX_PAGES = 10;

/**
 * The connection that lists it, the first in the order of slugs; of a resource that none lists, the one
 * with the template that begins like its URI the longest. Only lists that the caller may see are looked at.
 */
export async function findLister(
  deps: GovernedDeps,
  caller: Caller,
  candidates: readonly ConnectionEntry[],
  sought: Sought,
): Promise<ConnectionEntry | undefined> {
  const method = sought.kind === 'prompt' ? 'prompts/list' : 'resources/list';
  const request = await limitRequest(deps, caller, method);
  const id = sought.kind === 'prompt' ? sought.name : sought.uri;
  const listed = await Promise.all(
    candidates.map(async (connection) => {
      const ids = await idsOf(deps, request, connection, method);
      return ids.includes(id) ? connection : undefined;
    }),
  );
  const lister = listed.find((connection) => connection !== undefined);
  return (
    lister ?? (sought.kind === 'resource' ? byTemplate(deps, request, candidates, id) : undefined)
  );
}

async function byTemplate(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  candidates: readonly ConnectionEntry[],
  uri: string,
): Promise<ConnectionEntry | undefined> {
  const lengths = await Promise.all(
    candidates.map(async (connection) => {
      const templates = await idsOf(deps, request, connection, 'resources/templates/list');
      return Math.max(0, ...templates.map((template) => fixedPart(template, uri)));
    }),
  );
  const longest = Math.max(0, ...lengths);
  return longest > 0 ? candidates[lengths.indexOf(longest)] : undefined;
}

/** How many characters of the URI the template has in front of its first expression; 0: another URI. */
function fixedPart(template: string, uri: string): number {
  if (template === uri) return uri.length;
  const begins = template.split('{', 1)[0]!;
  // A scheme alone says nothing of whose it is.
  return /^[a-z][a-z0-9+.-]*:(?:\/\/)?[^/]/i.test(begins) && uri.startsWith(begins)
    ? begins.length
    : 0;
}

async function idsOf(
  deps: GovernedDeps,
  request: WithinRequestLimit,
  connection: ConnectionEntry,
  method: ListMethod,
): Promise<string[]> {
  if (!offers(connection, method)) return [];
  if (standing(request.caller, connection, method) !== 'listed') return [];
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const found = await fetchPage(deps, request, method, connection, cursor);
    if (found === 'denied') break;
    ids.push(...found.page.items.map(({ id }) => id));
    if (found.page.next === undefined || found.page.next === cursor) break;
    cursor = found.page.next;
  }
  return ids;
}
