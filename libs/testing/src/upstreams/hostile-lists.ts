const many = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));
const uri = (length: number, index: number) => `hostile://${'u'.repeat(length)}/${index}`;

/** The entries and the member of a list's result that holds them. */
export interface ListKind {
  member: 'tools' | 'resources' | 'resourceTemplates' | 'prompts';
  /** One honest entry with this name. */
  entry(name: string): Record<string, unknown>;
}

export const LIST_KINDS: Readonly<Record<string, ListKind>> = {
  'tools/list': {
    member: 'tools',
    entry: (name) => ({
      name,
      inputSchema: {
        type: 'object',
        properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
      },
      annotations: { readOnlyHint: true },
    }),
  },
  'resources/list': {
    member: 'resources',
    entry: (name) => ({ uri: `hostile://${name}`, name }),
  },
  'resources/templates/list': {
    member: 'resourceTemplates',
    entry: (name) => ({ uriTemplate: `hostile://${name}/{id}`, name }),
  },
  'prompts/list': { member: 'prompts', entry: (name) => ({ name }) },
};

export type HostileList = (kind: ListKind, cursor: string | undefined) => Record<string, unknown>;

let pages = 0;

/** How a list can be wrong in itself, page by page; only `three_pages` is right. */
export const HOSTILE_LISTS: Readonly<Record<string, HostileList>> = {
  three_pages: ({ member, entry }, cursor) => {
    const page = Number(cursor ?? 1);
    return { [member]: [entry(`p${page}`)], ...(page < 3 && { nextCursor: String(page + 1) }) };
  },
  endless: ({ member, entry }) => ({
    [member]: [entry(`p${++pages}`)],
    nextCursor: `c${pages}`,
  }),
  same_cursor: ({ member, entry }) => ({ [member]: [entry('one')], nextCursor: 'again' }),
  huge_cursor: ({ member, entry }) => ({
    [member]: [entry(`p${++pages}`)],
    nextCursor: 'c'.repeat(1_000_000) + pages,
  }),
  cursor_is_object: ({ member, entry }) => ({ [member]: [entry('one')], nextCursor: { a: 1 } }),
  empty_pages: ({ member }) => ({ [member]: [], nextCursor: `c${++pages}` }),
  no_list: ({ member }) => ({ [member]: 'x' }),
  no_member: () => ({}),
  rubbish: ({ member }) => ({ [member]: [null, 1, 'x', [], {}, { name: 7 }, { uri: {} }] }),
  million: ({ member }) => ({ [member]: many(1_000_000, (n) => n) }),
  many: ({ member, entry }) => ({ [member]: many(60_000, (n) => entry(`n${n}`)) }),
  long_uris: ({ member, entry }) => ({
    [member]: many(50, (n) => ({
      ...entry(`n${n}`),
      ...(member === 'resources' && { uri: uri(100_000, n) }),
      ...(member === 'resourceTemplates' && { uriTemplate: uri(100_000, n) }),
    })),
  }),
  twice: ({ member, entry }) => ({ [member]: [entry('same'), entry('same')] }),
  invisible: ({ member, entry }) => ({
    [member]: [{ ...entry('seen'), description: 'a\u200b\u202e\u{e0041}b', title: '\u2066t' }],
  }),
  proto: ({ member }) => ({
    [member]: [
      JSON.parse(
        '{"name":"proto","uri":"hostile://p","uriTemplate":"hostile://p/{id}","inputSchema":{"type":"object"},"__proto__":{"isAdmin":true}}',
      ) as unknown,
    ],
  }),
  strange_uris: ({ member }) => ({
    [member]: [
      'javascript:alert(1)',
      'http://169.254.169.254/latest',
      'file:///etc/passwd',
      'ui://../../x',
      '',
      ' ',
      'no scheme',
      'a:\u0000\r\nx-injected: 1',
      'other+hostile://fine',
      '\ud800:x',
    ].map((one, n) => ({ name: `s${n}`, uri: one, uriTemplate: one })),
  }),
};
