import { ConducktorError } from '@conducktor/contracts';

/** The same words for an id that never was and for one of another workspace. */
export function found<Row>(row: Row | null | undefined, what: string): Row {
  if (row !== null && row !== undefined) return row;
  throw new ConducktorError('not_found', `There is no ${what} with this id in this workspace.`);
}
