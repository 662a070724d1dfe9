import { ConducktorError } from '@conducktor/contracts';

/** One page of a list that is read in the order of a unique text. */
export interface Page<Row> {
  items: Row[];
  nextCursor: string | null;
}

/**
 * Reads one row more than asked: whether it is there says whether there is a next page. `key` is the
 * text that the rows are ordered by.
 */
export async function pageBy<Row>(
  query: { limit: number; cursor?: string | undefined },
  key: (row: Row) => string,
  read: (after: string | undefined, take: number) => Promise<Row[]>,
): Promise<Page<Row>> {
  const after = query.cursor === undefined ? undefined : decode(query.cursor);
  const rows = await read(after, query.limit + 1);
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > items.length && last ? encode(key(last)) : null };
}

const encode = (key: string) => Buffer.from(key).toString('base64url');

function decode(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (!/^[\x20-\x7e]{1,2500}$/.test(key)) throw strangeCursor();
  return key;
}

const strangeCursor = () =>
  new ConducktorError('invalid_request', '"cursor": is not one that this list gave out.');
