import type { Approvers, PolicyRule, TimeWindow } from '@conducktor/contracts';

const VERBS: Record<PolicyRule['effect'], string> = {
  allow: 'Allows',
  deny: 'Denies',
  require_approval: 'Asks for approval of',
  redact: 'Redacts',
};
// What a person reads at once; the document has the rest.
const NAMED = 5;

/** `Denies write or destructive calls of linear-* by the group contractors: "Update operations not allowed".` */
export function ruleSentence(rule: PolicyRule): string {
  const { effect, when, message, approvers } = rule;
  const by = [
    named('', when.users),
    named('the group ', when.groups),
    named('the role ', when.roles),
    named('the client ', when.clients),
  ].filter(Boolean);
  const words = [
    rule.redact ? `Redacts ${redacted(rule.redact)} in` : VERBS[effect],
    when.class ? `${listed(when.class)} calls` : 'calls',
    when.tools ? `of ${listed(when.tools)}` : '',
    when.connections ? `at ${listed(when.connections)}` : '',
    by.length > 0 ? `by ${by.join(', and by ')}` : '',
    when.labels ? `that are labelled ${listed(when.labels)}` : '',
    when.seen ? `after ${when.seen.join(' and ')} data was given` : '',
    when.time ? windowOf(when.time) : '',
    when.if === undefined ? '' : `where ${when.if}`,
    approvers ? `(${approversOf(approvers)})` : '',
  ];
  const sentence = words.filter(Boolean).join(' ');
  return message === undefined ? `${sentence}.` : `${sentence}: "${message}".`;
}

function redacted({
  fields = [],
  kinds = [],
  patterns = [],
  from,
}: NonNullable<PolicyRule['redact']>) {
  const what = [...fields, ...kinds, ...patterns.map((pattern) => `/${pattern}/`)];
  return `${listed(what)} from ${from.join(' and ')}`;
}

function approversOf({ group, roles, users, label, count }: Approvers): string {
  const who = [
    named('the group ', group === undefined ? undefined : [group]),
    named('the role ', roles),
    named('', users),
  ].filter(Boolean);
  return `${count} of ${label === undefined ? '' : `${label}: `}${who.join(' or ')}`;
}

const named = (what: string, names: readonly string[] | undefined) =>
  names ? `${what}${listed(names)}` : '';

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(' or ');
  return names.length > NAMED ? `${shown} or ${names.length - NAMED} more` : shown;
}

function windowOf({ days, from, to, after, before, zone }: NonNullable<TimeWindow>): string {
  return [
    days ? `on ${days.join(', ')}` : '',
    from !== undefined && to !== undefined ? `from ${from} to ${to}` : '',
    after === undefined ? '' : `after ${after}`,
    before === undefined ? '' : `before ${before}`,
    `(${zone})`,
  ]
    .filter(Boolean)
    .join(' ');
}
