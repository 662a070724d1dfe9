import fc from 'fast-check';
import { expect, it } from 'vitest';
import { definitionChanges, type FieldChange } from '../definition-changes.js';

type Json = Record<string, unknown>;

/** What a reader of the changes would make of `before`. */
function applied(before: Json, changes: readonly FieldChange[]): Json {
  const copy = structuredClone(before);
  for (const change of changes) {
    const keys = change.path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop()!;
    const place = keys.reduce<Json>((at, key) => at[key] as Json, copy);
    expect(place[last]).toEqual(change.before);
    if ('after' in change) place[last] = change.after;
    else delete place[last];
  }
  return copy;
}

it('tells everything in which two definitions differ, and nothing else', () => {
  const key = fc.constantFrom('a', 'b', 'a/b', 'm~n', '');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 1, 2, 'x', 'y', ''),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const definition = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(definition, definition, (before, after) => {
      const changes = definitionChanges(before, after);
      expect(applied(before, changes)).toEqual(after);
      expect(definitionChanges(after, structuredClone(after))).toEqual([]);
      for (const change of changes) expect(change.before).not.toEqual(change.after);
    }),
  );
});

it('names the smallest part that differs, and shows lists of other lengths whole', () => {
  const before = {
    annotations: { readOnlyHint: true },
    icons: [{ src: 'a' }],
    inputSchema: { required: ['to'] },
  };
  const after = {
    annotations: { readOnlyHint: false },
    icons: [{ src: 'b' }],
    inputSchema: { required: [] },
    _meta: {},
  };
  expect(definitionChanges(before, after)).toEqual([
    { path: '/_meta', after: {} },
    { path: '/annotations/readOnlyHint', before: true, after: false },
    { path: '/icons/0/src', before: 'a', after: 'b' },
    { path: '/inputSchema/required', before: ['to'], after: [] },
  ]);
});
