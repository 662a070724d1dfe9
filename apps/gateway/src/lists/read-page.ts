import { cleaned, DefinitionRefused, stripInvisible } from '@conducktor/catalog';
import type { CallResult } from '@conducktor/contracts';
import { LISTS, type ListMethod } from './lists.js';

/** One entry of an upstream's list, as the upstream wrote it but for what people cannot see. */
export interface Item {
  /** The upstream's own URI, template or name. */
  id: string;
  definition: Readonly<Record<string, unknown>>;
}

/** One page of one upstream's list. */
export interface Page {
  items: readonly Item[];
  /** The upstream's own cursor. */
  next: string | undefined;
  /** False: it could not be read, or not all of it. */
  complete: boolean;
  /** Milliseconds for which it may be shown again. */
  ttlMs: number;
  /** Characters of the answer it was read from. */
  size: number;
}

const MAX_TTL_MS = 60_000;
// Servers before 2026-07-28 do not say; they announce changes, if they are asked to.
const UNSAID_TTL_MS = 5_000;
// An upstream that fails is not asked again by every list that is read meanwhile.
const FAILED_TTL_MS = 5_000;
// Longer ones are not even parsed: lists of many upstreams are held at the same time.
const MAX_PAGE_CHARS = 4 * 1024 * 1024;
const MAX_ITEMS = 2_000;
const MAX_ITEM_CHARS = 128 * 1024;
const MAX_URI_CHARS = 8 * 1024;
const MAX_CURSOR_CHARS = 4 * 1024;
const METHOD_NOT_FOUND = -32_601;

export const FAILED_PAGE: Page = {
  items: [],
  next: undefined,
  complete: false,
  ttlMs: FAILED_TTL_MS,
  size: 0,
};

/** An upstream's answer to a list, which is untrusted: bounded, and cleaned as the catalogue cleans tools. */
export function readPage(method: ListMethod, result: CallResult): Page {
  // Servers that have resources often know nothing of templates: an empty list, not a failure.
  if (result.error?.code === METHOD_NOT_FOUND)
    return { ...FAILED_PAGE, complete: true, ttlMs: MAX_TTL_MS };
  if (result.outcome !== 'ok' || result.resultJson === undefined) return FAILED_PAGE;
  if (result.resultJson.length > MAX_PAGE_CHARS) return FAILED_PAGE;
  const { field, id } = LISTS[method];
  const answer = JSON.parse(result.resultJson) as Record<string, unknown>;
  const list = answer[field];
  if (!Array.isArray(list)) return FAILED_PAGE;
  const next = answer['nextCursor'];
  const follows = typeof next === 'string' && next !== '';
  return {
    items: list.slice(0, MAX_ITEMS).flatMap((raw) => readItem(raw, id)),
    next: follows && next.length <= MAX_CURSOR_CHARS ? next : undefined,
    complete: list.length <= MAX_ITEMS && (!follows || next.length <= MAX_CURSOR_CHARS),
    ttlMs: ttlOf(answer['ttlMs']),
    size: result.resultJson.length,
  };
}

function ttlOf(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0)) return UNSAID_TTL_MS;
  return Math.min(value, MAX_TTL_MS);
}

/** Left out when it has no name, is too large, or could not be asked for under the name that is shown. */
function readItem(raw: unknown, idField: string): Item[] {
  if (typeof raw !== 'object' || raw === null) return [];
  const id = (raw as Record<string, unknown>)[idField];
  if (typeof id !== 'string' || id === '' || id.length > MAX_URI_CHARS) return [];
  // What people cannot see would make one entry look like another.
  if (stripInvisible(id) !== id) return [];
  try {
    const definition = cleaned(raw as Record<string, unknown>);
    return JSON.stringify(definition).length <= MAX_ITEM_CHARS ? [{ id, definition }] : [];
  } catch (error) {
    if (error instanceof DefinitionRefused) return [];
    throw error;
  }
}
