// What the measured workspaces hold: one shape for every checkout that is measured, so that `--against`
// compares programs and not workloads.

/**
 * workspaces: how many, the calls spread over all of them; rules: of each one's policy; tools: in all of
 * a workspace, over `connections` connections; mixed: rules of every kind (`mixedPolicy`); credential: what callers show, `token` (a JWT access token
 * signed by the installation's key) or `key` (an API key); people: of each workspace, who call; priced: every
 * call costs something, at three budgets.
 */
export const STANDARD = {
  workspaces: 20,
  rules: 50,
  connections: 1,
  tools: 1,
  credential: 'token',
  people: 1,
  priced: false,
};

/** The slug of connection `i`; the measured tool is `bench_echo` of the first. */
export const slugOf = (i) => (i === 0 ? 'bench' : `bench-${i}`);

/** How many tools each connection has: as even as it goes, the first one at least its echo. */
export function toolsOfConnections({ connections, tools }) {
  return Array.from(
    { length: connections },
    (_, i) => Math.floor(tools / connections) + (i < tools % connections ? 1 : 0),
  );
}

/**
 * A quarter of the rules are about the measured tool and hold (CEL over its arguments), a quarter are
 * about it and do not, and refuse if they did: a decision has to ask each of the latter, and the first of
 * the former. The rest are about other tools, connections, classes and groups, as in a policy that grew.
 */
export function benchPolicy(count = STANDARD.rules) {
  const asked = Math.round(count * 0.24);
  const holds = Array.from({ length: asked }, (_, i) => ({
    id: `holds-${i}`,
    when: {
      tools: ['bench*'],
      if: `args.amount > ${i * 10} && args.message.startsWith("hello") && size(args.message) < 200`,
    },
    effect: 'allow',
  }));
  const fails = Array.from({ length: asked }, (_, i) => ({
    id: `fails-${i}`,
    when: { tools: ['bench*'], if: `args.amount > ${1_000_000 + i} && caller.groups.size() >= 0` },
    effect: 'deny',
    message: 'Too large',
  }));
  const others = Array.from({ length: count - 2 * asked }, (_, i) => ({
    id: `other-${i}`,
    when: {
      ...[
        { tools: [`crm_*_${i}`] },
        { connections: [`erp-${i}`], class: ['write'] },
        { class: ['destructive'] },
        { groups: [`group-${i}`] },
      ][i % 4],
      if: `args.amount > ${i}`,
    },
    effect: i % 2 === 0 ? 'deny' : 'allow',
  }));
  return { version: 1, default: 'deny', rules: [...holds, ...fails, ...others] };
}

/**
 * Rules of every kind that people write, one that redacts every answer first: as many as asked, and of each
 * kind the same share. About the measured tool are allowances that hold, and refusals, approvals and
 * redactions whose condition has to be asked and does not hold; the rest is about other tools.
 */
export function mixedPolicy(count) {
  const about = (i, amount) => ({ tools: ['bench*'], if: `args.amount > ${amount + i}` });
  const approvers = { group: 'admins', label: 'Admin team' };
  const kinds = [
    () => ({ when: { tools: ['bench*'] }, effect: 'redact', redact: { kinds: ['email', 'card'] } }),
    (i) => ({ when: about(i, -1_000), effect: 'allow' }),
    (i) => ({ when: about(i, 1_000_000), effect: 'deny', message: 'Too large' }),
    (i) => ({ when: about(i, 1_000_000), effect: 'require_approval', approvers }),
    (i) => ({ when: about(i, 1_000_000), effect: 'redact', redact: { fields: [`a.b${i}`] } }),
    () => ({
      when: { labels: ['egress'], seen: ['private', 'untrusted'] },
      effect: 'require_approval',
      approvers,
    }),
    (i) => ({ when: { groups: [`group-${i}`], class: ['write', 'destructive'] }, effect: 'deny' }),
    (i) => ({ when: { connections: [`erp-${i}`] }, effect: 'require_approval', approvers }),
    (i) => ({ when: { tools: [`crm_*_${i}`] }, effect: 'redact', redact: { kinds: ['phone'] } }),
    (i) => ({
      when: { tools: [`ads_*_${i}`], time: { zone: 'Europe/Berlin', from: '18:00', to: '08:00' } },
      effect: 'deny',
    }),
  ];
  const rules = Array.from({ length: count }, (_, i) => {
    // Only one redacts every answer: what that costs is not what the number of rules costs.
    const kind = i < kinds.length ? i : 1 + (i % (kinds.length - 1));
    return { id: `rule-${i}`, ...kinds[kind](i) };
  });
  return { version: 1, default: 'deny', rules };
}
