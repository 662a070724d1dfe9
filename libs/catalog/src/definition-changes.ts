/** A place in which two definitions differ; `before` or `after` is missing where the field is. */
export interface FieldChange {
  /** JSON Pointer (RFC 6901). */
  path: string;
  before?: unknown;
  after?: unknown;
}

type Fields = Record<string, unknown>;

/**
 * Every field in which two definitions differ, in the order of names: the smallest parts that do, save
 * that lists of different lengths are shown whole. JSON values; no larger than what it is given.
 */
export function definitionChanges(before: Fields, after: Fields, path = ''): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): FieldChange[] => {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!Object.hasOwn(before, name)) return [{ path: at, after: after[name] }];
    if (!Object.hasOwn(after, name)) return [{ path: at, before: before[name] }];
    const [was, is] = [before[name], after[name]];
    if (haveFieldsAlike(was, is)) return definitionChanges(was as Fields, is as Fields, at);
    return was === is ? [] : [{ path: at, before: was, after: is }];
  });
}

/** Whether both are objects, or lists of one length, whose parts can be compared one by one. */
function haveFieldsAlike(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return false;
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length;
  return !Array.isArray(one) && !Array.isArray(other);
}
