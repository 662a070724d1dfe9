import type { ConnectionEntry } from '../workspace/types.js';
import type { PageCache } from './page-cache.js';

export interface ListDeps {
  /** What upstreams listed, for a short while. */
  pages: PageCache;
  /** Signs the cursors of lists; the same in all gateways. */
  cursorKey: Buffer;
}

/** The lists that are read from upstreams when asked, unlike that of tools, which is pinned. */
export type ListMethod = 'resources/list' | 'resources/templates/list' | 'prompts/list';

/** Of each list: the server capability it needs, where its items stand, and what tells them apart. */
export const LISTS = {
  'resources/list': { capability: 'resources', field: 'resources', id: 'uri' },
  'resources/templates/list': {
    capability: 'resources',
    field: 'resourceTemplates',
    id: 'uriTemplate',
  },
  'prompts/list': { capability: 'prompts', field: 'prompts', id: 'name' },
} as const satisfies Record<ListMethod, { capability: string; field: string; id: string }>;

/** What an upstream may change and tell of. */
export type ChangingList = 'prompts' | 'resources';

export function offers(connection: ConnectionEntry, method: ListMethod): boolean {
  return LISTS[method].capability in connection.capabilities;
}
