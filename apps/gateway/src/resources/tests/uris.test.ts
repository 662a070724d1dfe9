import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConnectionEntry } from '../../workspace/types.js';
import { ownerOfPrompt, ownerOfUri, toClientPrompt, toClientUri, untagged } from '../uris.js';

const connection = (slug: string): ConnectionEntry => ({
  id: `con_${slug}`,
  slug,
  timeoutMs: 1_000,
  revision: 1,
  capabilities: {},
  tools: [],
});
const github = connection('github');
const digits = connection('1st');
const git = connection('git');
const all = [digits, git, github];
const everything = { connections: all, isPrefixed: () => true };
const alone = { connections: [git], isPrefixed: () => false };
const onlyGithub = { connections: all, isPrefixed: (one: ConnectionEntry) => one === github };

describe('a URI with its connection in it', () => {
  test.each([
    [github, 'file:///a b', 'github+file:///a b'],
    [github, 'ui://board/view.html', 'ui://github/board/view.html'],
    [github, 'ui:board', 'github+ui:board'],
    [github, 'file:///{path}{?q*}', 'github+file:///{path}{?q*}'],
    [github, '{+uri}', 'github+:{+uri}'],
    [github, 'git+ssh://host', 'github+git+ssh://host'],
    [github, 'no scheme', 'github+:no scheme'],
    [github, '', 'github+:'],
    [digits, 'file:///a', 's.1st+file:///a'],
  ])('%#: %o', (owner, uri, shown) => {
    expect(toClientUri(everything, owner, uri)).toBe(shown);
    expect(ownerOfUri(everything, shown)).toEqual({ connection: owner, uri });
  });

  test('expanding a template keeps its connection', () => {
    expect(ownerOfUri(everything, 'github+:http://x')).toEqual({
      connection: github,
      uri: 'http://x',
    });
  });

  test('web addresses stay, and may be any connection’s', () => {
    expect(toClientUri(everything, github, 'HTTPS://x/y')).toBe('HTTPS://x/y');
    expect(ownerOfUri(everything, 'https://github/x')).toBeUndefined();
    expect(untagged(everything, 'https://x')).toEqual(all);
    expect(untagged(everything, 'file:///x')).toEqual([]);
    expect(untagged(onlyGithub, 'file:///x')).toEqual([digits, git]);
  });

  test('on its own a connection’s URIs and prompts stay as they are', () => {
    expect(toClientUri(alone, git, 'git+ssh://host')).toBe('git+ssh://host');
    expect(toClientUri(alone, git, 'ui://git/x')).toBe('ui://git/x');
    expect(toClientPrompt(alone, git, 'git_log')).toBe('git_log');
  });

  test('a URI that looks like another connection’s is not shown as such', () => {
    const shown = toClientUri(onlyGithub, git, 'ui://github/board');
    expect(shown).toBe('s.git+ui://github/board');
    expect(ownerOfUri(onlyGithub, shown)).toEqual({ connection: git, uri: 'ui://github/board' });
    expect(toClientPrompt(onlyGithub, git, 'github_triage')).toBe('s.git_github_triage');
  });
});

// Text of which URIs, tags and templates are made, so that look-alikes are common.
const slug = fc.constantFrom('a', 'b', 'a-b', '1', '1a', 's');
const piece = fc.constantFrom(
  'a',
  'b',
  '1',
  's',
  '-',
  '+',
  ':',
  '/',
  '//',
  '.',
  '_',
  '{x}',
  'ui:',
  'http:',
  's.',
  ' ',
  '\n',
);
const uriText = fc.array(fc.oneof(piece, slug), { maxLength: 8 }).map((parts) => parts.join(''));
const views = fc
  .uniqueArray(fc.tuple(slug, fc.boolean()), { minLength: 1, selector: ([name]) => name })
  .map((entries) => {
    const connections = entries.map(([name]) => connection(name));
    const marks = new Set<string>(
      entries.filter(([, isPrefixed]) => isPrefixed).map(([name]) => name),
    );
    return { connections, isPrefixed: (one: ConnectionEntry) => marks.has(one.slug) };
  });

test('property: what is shown leads back to its connection and its URI, and to no other', () => {
  fc.assert(
    fc.property(views, fc.nat(), uriText, (view, pick, uri) => {
      const owner = view.connections[pick % view.connections.length]!;
      const shown = toClientUri(view, owner, uri);
      const found = ownerOfUri(view, shown);
      if (found) {
        expect(found).toEqual({ connection: owner, uri });
      } else {
        expect(shown).toBe(uri);
        expect(untagged(view, shown)).toContain(owner);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('property: the same for the names of prompts', () => {
  fc.assert(
    fc.property(views, fc.nat(), uriText, (view, pick, name) => {
      const owner = view.connections[pick % view.connections.length]!;
      const shown = toClientPrompt(view, owner, name);
      const found = ownerOfPrompt(view, shown);
      if (found) {
        expect(found).toEqual({ connection: owner, name });
      } else {
        expect(shown).toBe(name);
        expect(view.isPrefixed(owner)).toBe(false);
      }
    }),
    { numRuns: 3_000 },
  );
});
