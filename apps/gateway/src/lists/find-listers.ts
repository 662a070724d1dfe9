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

export interface Listers {
  /** Those that list it, or a template that it begins like, in the order of slugs. */
  found: ConnectionEntry[];
  /** Those that may have it as well: they did not list, or not to the end. */
  unheard: ConnectionEntry[];
}

/**
 * The connections that it may belong to. Only lists that the caller may see are looked at. It is the
 * one's that has it when nobody else may: a server that lists what is its neighbour's must not be asked
 * in its place, not even while the neighbour is down.
 */
export async function findListers(
  deps: GovernedDeps,
  caller: Caller,
  candidates: readonly ConnectionEntry[],
  sought: Sought,
): Promise<Listers> {
  const method = sought.kind === 'prompt' ? 'prompts/list' : 'resources/list';
  const able = candidates.filter((connection) => offers(connection, method));
  // Where there is no choice nothing needs to be listed, and a server may have more than it lists.
  if (candidates.length <= 1) return { found: [...candidates], unheard: [] };
  if (able.length <= 1) return { found: able, unheard: [] };
  const request = await limitRequest(deps, caller, method);
  const until = performance.now() + LOOK_MS;
  const looked = await Promise.all(
    able.map(async (connection) => {
      const listed = await idsOf(deps, request, connection, method, until);
      if (sought.kind === 'prompt') return { has: listed.ids.includes(sought.name), listed };
      if (listed.ids.includes(sought.uri)) return { has: true, listed };
      const templates = await idsOf(deps, request, connection, 'resources/templates/list', until);
      const has = templates.ids.some((template) => beginsLike(sought.uri, template));
      return { has, listed: { whole: listed.whole && templates.whole } };
    }),
  );
  return {
    found: able.filter((_, index) => looked[index]!.has),
    unheard: able.filter((_, index) => !looked[index]!.has && !looked[index]!.listed.whole),
  };
}

/** A client that has only the name is told where each of them is alone. */
export function pathsOf(connections: readonly ConnectionEntry[]): string {
  return connections.map(({ slug }) => `/mcp/${slug}`).join(' or ');
}

/** Why it cannot be said whose it is; `undefined` when it can, or when nobody has it. */
export function undecided({ found, unheard }: Listers, what: string): string | undefined {
  if (found.length > 1) return `More than one connection has ${what}. Ask at ${pathsOf(found)}.`;
  if (unheard.length === 0) return undefined;
  const slugs = unheard.map(({ slug }) => slug).join(', ');
  return `Which connection has ${what} cannot be told now: ${slugs} did not list everything. Ask at ${pathsOf([...found, ...unheard])}.`;
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
): Promise<{ ids: string[]; whole: boolean }> {
  const ids: string[] = [];
  if (standing(request.caller, connection, method) !== 'listed') return { ids, whole: true };
  // What is frozen is asked nothing, and may have it all the same.
  if (connection.frozen !== undefined) return { ids, whole: false };
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && performance.now() < until; pages++) {
    const found = await fetchPage(deps, request, method, connection, cursor);
    if (found === 'denied') return { ids, whole: true };
    const { items, next, complete } = found.page;
    for (const { id } of items) ids.push(id);
    if (next === undefined) return { ids, whole: complete };
    if (next === cursor) break;
    cursor = next;
  }
  return { ids, whole: false };
}
