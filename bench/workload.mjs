// What the measured workspaces hold: one shape for every checkout that is measured, so that `--against`
// compares programs and not workloads.

/**
 * workspaces: how many, the calls spread over all of them; rules: of each one's policy; tools: in all of
 * a workspace, over `connections` connections; credential: what callers show, `token` (a JWT access token
 * signed by the installation's key) or `key` (an API key).
 */
export const STANDARD = {
  workspaces: 20,
  rules: 50,
  connections: 1,
  tools: 1,
  credential: 'token',
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
