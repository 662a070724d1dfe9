import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShownNames } from '../names.js';
import { viewNames } from '../view-names.js';

const upstreamName = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '_', '.', '-'), minLength: 1, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('a', '.'), minLength: 38, maxLength: 66 }),
);
const slug = fc.constantFrom('a', 'slug', 'x'.repeat(24));
/** What one server lists, refresh after refresh. */
const refreshes = fc.array(fc.uniqueArray(upstreamName, { maxLength: 8 }), { maxLength: 6 });

describe('the names of a connection’s tools', () => {
  it('are legal, different, begin with the slug and do not depend on the order', () => {
    fc.assert(
      fc.property(
        slug,
        fc
          .uniqueArray(upstreamName, { maxLength: 20 })
          .chain((names) =>
            fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })),
          ),
        (slug, [names, shuffled]) => {
          const assigned = assignShownNames(slug, names);
          expect(new Set(assigned.values()).size).toBe(names.length);
          for (const name of assigned.values()) {
            expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
            expect(name.startsWith(`${slug}_`)).toBe(true);
          }
          expect(new Map(assignShownNames(slug, shuffled))).toEqual(assigned);
        },
      ),
    );
  });

  it('never come to mean another tool, on any path, whatever the server lists later', () => {
    fc.assert(
      fc.property(slug, refreshes, (slug, lists) => {
        const known = new Map<string, string>();
        const meaning = new Map<string, string>();
        for (const names of lists) {
          for (const [tool, name] of assignShownNames(slug, names, known)) known.set(tool, name);
          const tools = names.map((upstreamName) => ({
            slug,
            upstreamName,
            shownName: known.get(upstreamName)!,
          }));
          for (const prefix of ['always', 'never'] as const)
            for (const [name, { upstreamName }] of viewNames(tools, prefix)) {
              const key = `${prefix} ${name}`;
              expect(meaning.get(key) ?? upstreamName).toBe(upstreamName);
              meaning.set(key, upstreamName);
            }
        }
      }),
    );
  });
});
