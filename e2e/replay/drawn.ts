import fc from 'fast-check';

/** Policies and calls drawn at random, the same for the same seed. */
export interface Drawn {
  policies: DrawnPolicy[];
  calls: Call[];
}

export interface DrawnPolicy {
  rules: { id: string; when: { seen?: readonly string[] } }[];
}

export interface Call {
  /** Whose, and by which of their clients. */
  who: 'owner' | 'member' | 'contractor';
  client: number;
  tool: (typeof TOOLS)[number];
  args: Record<string, unknown>;
}

export const CLIENTS = 3;
export const TOOLS = ['find', 'inbox', 'update', 'erase', 'send'] as const;
const HOUR_MS = 3_600_000;

/**
 * As many policies and calls as asked for. `slug` is of the workspace, as in its addresses. Of one client and
 * tool no more than ten come, for more equal refusals than that share a record.
 */
export function draw(
  seed: number,
  { policies, calls, slug }: { policies: number; calls: number; slug: string },
): Drawn {
  const some = <Item>(arbitrary: fc.Arbitrary<Item>, numRuns: number, offset: number) =>
    fc.sample(arbitrary, { seed: seed + offset, numRuns });
  const drawn = some(call, calls, 1);
  const count = new Map<string, number>();
  return {
    policies: some(policy(slug), policies, 0),
    calls: drawn.filter(({ who, client, tool }) => {
      const kind = `${who} ${client} ${tool}`;
      count.set(kind, (count.get(kind) ?? 0) + 1);
      return count.get(kind)! <= 10;
    }),
  };
}

const note = fc
  .tuple(fc.constantFrom('a', 'b', 'm', 'n', 'z', 'É', '𝄞'), fc.nat(12))
  .map(([letter, times]) => letter.repeat(times));
const maybe = <Item>(arbitrary: fc.Arbitrary<Item>) => fc.option(arbitrary, { nil: undefined });

const call: fc.Arbitrary<Call> = fc.record({
  who: fc.constantFrom('owner', 'member', 'contractor'),
  client: fc.nat(CLIENTS - 1),
  tool: fc.constantFrom(...TOOLS),
  args: fc
    .record({
      amount: fc.oneof(fc.nat(1_000), fc.constantFrom(-1, 0.5, 'many', null)),
      note,
      urgent: maybe(fc.boolean()),
      // Where it is missing, a rule that asks for it fails.
      tags: maybe(fc.array(fc.constantFrom('a', 'b', 'x'), { maxLength: 3 })),
      nested: maybe(fc.record({ deep: fc.record({ level: fc.nat(3) }) })),
      mail: maybe(fc.constant('ada@x.example')),
      // Kept beside the record.
      text: fc.oneof(
        { arbitrary: fc.constant(undefined), weight: 9 },
        { arbitrary: fc.constant('large '.repeat(400)), weight: 1 },
      ),
    })
    .map((args) => JSON.parse(JSON.stringify(args)) as Record<string, unknown>),
});

const number = fc.constantFrom('0', '1', '250', '500', '0.5');
const condition = fc.oneof(
  fc
    .tuple(fc.constantFrom('>', '<=', '==', '!='), number)
    .map(([sign, than]) => `args.amount ${sign} ${than}`),
  fc.constantFrom(
    'args.note.startsWith("a")',
    'args.note.matches("^[a-m]+$")',
    'size(args.note) > 5 && args.note.endsWith("z")',
    'has(args.urgent) && args.urgent',
    '!has(args.urgent) || !args.urgent',
    'args.urgent',
    'args.tags.exists(t, t == "x")',
    '"a" in args.tags',
    'args.nested.deep.level > 1',
    'has(args.mail) && args.mail.contains("@x.")',
    'caller.email.startsWith("owner@")',
    '"contractors" in caller.groups && args.amount > 100',
    'tool.class == "destructive" && size(args) > 4',
    'context.sourceIp != ""',
    '"mcp:write" in caller.scopes',
  ),
);

/** Windows that hold, or do not, for hours on both sides of now. */
const time = fc
  .constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York')
  .chain((zone) => {
    const clock = (ms: number) =>
      new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' })
        .format(Date.now() + ms)
        .replace('24:', '00:');
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    return fc.constantFrom<object>(
      { zone, from: clock(-5 * HOUR_MS), to: clock(5 * HOUR_MS) },
      { zone, from: clock(5 * HOUR_MS), to: clock(-5 * HOUR_MS) },
      { zone, after: at(-HOUR_MS), before: at(HOUR_MS) },
      { zone, after: at(HOUR_MS) },
      { zone, days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
    );
  });

const one = <Item>(...items: Item[]) => fc.constantFrom(...items.map((item) => [item]));

function policy(slug: string): fc.Arbitrary<DrawnPolicy> {
  // At most some of these, and always one that says which calls.
  const about = fc.record(
    {
      users: one(`MEMBER@${slug}.example`, `owner@${slug}.example`),
      groups: one('contractors', 'nobody'),
      roles: one('owner', 'member'),
      connections: one('crm', 'c*', 'other'),
      time,
    },
    { requiredKeys: [] },
  );
  const which = fc.oneof(
    fc.record({ tools: one('crm_update', 'crm_erase', '*_send', 'crm_*n*'), if: condition }),
    fc.record({ class: one('read', 'write', 'destructive'), if: condition }),
    fc.record({ labels: one('private', 'untrusted', 'egress') }),
    fc.record({
      labels: one('egress', 'private'),
      seen: fc.constantFrom(['private'], ['untrusted'], ['private', 'untrusted']),
    }),
    fc.record({ seen: one('private', 'untrusted'), if: condition }),
    fc.record({ if: condition }),
  );
  const when = fc
    .tuple(fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, about), which)
    .map((parts) => Object.assign({}, ...parts) as { seen?: readonly string[] });
  const effect = fc.oneof<fc.WeightedArbitrary<object>[]>(
    { arbitrary: fc.constant({ effect: 'allow' }), weight: 4 },
    { arbitrary: fc.constant({ effect: 'deny', message: 'Not this' }), weight: 2 },
    {
      arbitrary: fc.record({
        effect: fc.constant('require_approval'),
        approvers: fc.constantFrom({ roles: ['owner', 'admin'] }, { group: 'contractors' }),
        onApproval: fc.constantFrom('run', 'wait'),
      }),
      weight: 3,
    },
    {
      arbitrary: fc.record({
        effect: fc.constant('redact'),
        redact: fc.constantFrom<object>(
          { fields: ['note'], from: ['result'] },
          { kinds: ['email'] },
          { patterns: ['zz+'], from: ['audit'] },
        ),
      }),
      weight: 1,
    },
  );
  return fc
    .record({
      version: fc.constant(1),
      default: fc.constantFrom('allow', 'allow', 'allow-read'),
      taint: fc.constantFrom({ window: '1m' }, { window: '1h' }),
      rules: fc.array(
        fc.tuple(when, effect).map(([conditions, what]) => ({ when: conditions, ...what })),
        { minLength: 5, maxLength: 12 },
      ),
    })
    .map((document) => ({
      ...document,
      rules: document.rules.map((rule, i) => ({ id: `rule-${i}`, ...rule })),
    }));
}
