import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShownNames } from '../names.js';
import { plainName, viewNames, type NamedTool, type PrefixMode } from '../view-names.js';

// Few letters and the characters that names are cut, changed and joined with: collisions are likely.
const upstreamName = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '_', '.', '-'), minLength: 1, maxLength: 5 }),
  fc.string({ unit: fc.constantFrom('a', '.', '_'), minLength: 36, maxLength: 70 }),
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
    minLength: 1,
    maxLength: 128,
  }),
  fc.constantFrom('search', 'fetch', 'a_search', 'conducktr_call_tool', 'conducktr.call_tool'),
);
const slug = fc.oneof(
  fc.constantFrom('a', 'b', 'a-b', '1', 'x'.repeat(24)),
  fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,23}$/),
);
/** Connections as a workspace has them, named as their catalogue names them. */
const tools = fc
  .uniqueArray(fc.record({ slug, names: fc.uniqueArray(upstreamName, { maxLength: 12 }) }), {
    selector: (connection) => connection.slug,
    maxLength: 5,
  })
  .map((connections) =>
    connections.flatMap(({ slug, names }) =>
      [...assignShownNames(slug, names)].map(([upstreamName, shownName]): NamedTool => ({
        slug,
        upstreamName,
        shownName,
      })),
    ),
  );
const prefix = fc.constantFrom<PrefixMode>('always', 'on-conflict', 'never');
const namesOf = (view: ReadonlyMap<string, NamedTool>) =>
  new Map([...view].map(([name, tool]) => [tool, name]));

describe('the names of a view', () => {
  it('are legal, one for each tool and one tool for each', () => {
    fc.assert(
      fc.property(tools, prefix, (all, prefix) => {
        const view = viewNames(all, prefix);
        for (const name of view.keys()) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        // As many names as tools, and every tool among them: no two share one, none is lost.
        expect(view.size).toBe(all.length);
        expect(new Set(view.values())).toEqual(new Set(all));
      }),
    );
  });

  it('do not depend on the order of the tools, and stand in the order of names', () => {
    fc.assert(
      fc.property(
        tools.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        prefix,
        ([all, shuffled], prefix) => {
          const view = [...viewNames(all, prefix)];
          expect([...viewNames(shuffled, prefix)]).toEqual(view);
          expect(view.map(([name]) => name)).toEqual(view.map(([name]) => name).sort());
        },
      ),
    );
  });

  it('do not change when tools of no like name are added', () => {
    fc.assert(
      fc.property(tools, prefix, (all, prefix) => {
        const before = namesOf(viewNames(all, prefix));
        const unrelated = `unrelated-${randomUUID()}`;
        const added = { slug: 'new', upstreamName: unrelated, shownName: `new_${unrelated}` };
        const after = namesOf(viewNames([...all, added], prefix));
        for (const [tool, name] of before) expect(after.get(tool)).toBe(name);
      }),
    );
  });

  it('leave the gateway’s own names to the gateway', () => {
    fc.assert(
      fc.property(tools, prefix, (all, prefix) => {
        for (const name of viewNames(all, prefix).keys()) expect(name).not.toMatch(/^conducktr_/);
      }),
    );
  });

  it('are the upstream’s own on a connection’s path wherever they are legal and first', () => {
    const legal = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), { maxLength: 20 });
    fc.assert(
      fc.property(slug, legal, (slug, names) => {
        const all = [...assignShownNames(slug, names)].map(([upstreamName, shownName]) => ({
          slug,
          upstreamName,
          shownName,
        }));
        for (const [name, tool] of viewNames(all, 'never'))
          if (!name.startsWith('conducktr_') && !tool.upstreamName.startsWith('conducktr_'))
            expect(name).toBe(tool.upstreamName);
      }),
    );
  });
});

const tool = (slug: string, upstreamName: string, shownName = `${slug}_${upstreamName}`) => ({
  slug,
  upstreamName,
  shownName,
});
const shown = (tools: NamedTool[], prefix: PrefixMode) =>
  Object.fromEntries(
    [...viewNames(tools, prefix)].map(([name, { shownName }]) => [name, shownName]),
  );

describe('equal names', () => {
  const two = [tool('b', 'search'), tool('a', 'search'), tool('a', 'fetch')];
  it('are prefixed always, on conflict, or after the first by slug', () => {
    expect(shown(two, 'always')).toEqual({
      a_fetch: 'a_fetch',
      a_search: 'a_search',
      b_search: 'b_search',
    });
    expect(shown(two, 'on-conflict')).toEqual({
      a_search: 'a_search',
      b_search: 'b_search',
      fetch: 'a_fetch',
    });
    expect(shown(two, 'never')).toEqual({
      b_search: 'b_search',
      fetch: 'a_fetch',
      search: 'a_search',
    });
  });

  it('give way to a global name that another tool had to take', () => {
    const three = [tool('x', 'b_search'), ...two];
    expect(shown(three, 'never')).toMatchObject({ b_search: 'b_search', x_b_search: 'x_b_search' });
  });
});

describe('a plain name', () => {
  it('is what the catalogue made of it, so that it never comes to mean another tool', () => {
    expect(plainName(tool('a', 'issue.create', 'a_issue_create'))).toBe('issue_create');
    expect(plainName(tool('a', 'issue_create', 'a_issue_create_1b2c3d4e'))).toBe(
      'issue_create_1b2c3d4e',
    );
  });
  it('is the upstream’s own where only the slug made it too long', () => {
    const long = 'n'.repeat(64);
    const cut = [...assignShownNames('slug', [long]).values()][0]!;
    expect(cut).toHaveLength(64);
    expect(plainName(tool('slug', long, cut))).toBe(long);
  });
});
