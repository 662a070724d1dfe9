import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rank, type Searchable } from '../rank.js';

const tool = (name: string, description = '', title = ''): Searchable => ({
  name,
  title,
  description,
});
const TOOLS = [
  tool('crm_create_lead', 'Adds a person who may buy.'),
  tool('linear_create_issue', 'Creates an issue in a team.'),
  tool('linear_listIssues', 'Lists what is open.'),
  tool('linear_search', 'Looks through issues, projects and documents.'),
  tool('mail_send', 'Sends a message.', 'Write an e-mail'),
];
const found = (query: string) => rank(TOOLS, query).map(({ name }) => name);

describe('finding tools', () => {
  it('ranks a name before a title before a description', () => {
    expect(found('create issue')).toEqual([
      'linear_create_issue',
      'crm_create_lead',
      'linear_listIssues',
      'linear_search',
    ]);
    expect(found('mail')).toEqual(['mail_send']);
    expect(found('write')).toEqual(['mail_send']);
  });

  it('knows plurals, words in camel case and beginnings of words', () => {
    expect(found('ISSUES')).toContain('linear_create_issue');
    expect(found('list')).toEqual(['linear_listIssues']);
    expect(found('docu')).toEqual(['linear_search']);
  });

  it('puts the tool of exactly this name first, and finds nothing where nothing fits', () => {
    expect(found('linear_search')[0]).toBe('linear_search');
    expect(found('weather')).toEqual([]);
  });

  it('shows all tools in their order when nothing is asked', () => {
    expect(found(' ?! ')).toEqual(TOOLS.map(({ name }) => name));
  });

  it('always answers the same, in whatever order the tools come', () => {
    const words = fc.constantFrom('a', 'issue', 'issues', 'create', 'Lead', 'é', '_', ' ');
    const text = fc.array(words, { maxLength: 5 }).map((parts) => parts.join(' '));
    const tools = fc.uniqueArray(fc.record({ name: text, title: text, description: text }), {
      selector: ({ name }) => name,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        tools.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        fc.string({ unit: 'grapheme', maxLength: 20 }).map((extra) => `issue ${extra}`),
        ([all, shuffled], query) => {
          const ranked = rank(all, query);
          expect(rank(shuffled, query)).toEqual(ranked);
          expect(new Set(ranked).size).toBe(ranked.length);
        },
      ),
    );
  });
});
