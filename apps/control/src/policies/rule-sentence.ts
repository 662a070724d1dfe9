import type { PolicyRule, TimeWindow } from '@conducktor/contracts';

const VERBS: Record<PolicyRule['effect'], string> = {
  allow: 'Allows',
  deny: 'Denies',
  require_approval: 'Asks for approval of',
  redact: 'Redacts',
};
// What a person reads at once; the document has the rest.
const NAMED = 5;

/** `Denies write or destructive calls of linear-* by the group contractors: "Update operations not allowed".` */
export function ruleSentence({ effect, when, message }: PolicyRule): string {
  const by = [
    named('', when.users),
    named('the group ', when.groups),
    named('the role ', when.roles),
    named('the client ', when.clients),
  ].filter(Boolean);
  const words = [
    VERBS[effect],
    when.class ? `${listed(when.class)} calls` : 'calls',
    when.tools ? `of ${listed(when.tools)}` : '',
    when.connections ? `at ${listed(when.connections)}` : '',
    by.length > 0 ? `by ${by.join(', and by ')}` : '',
    when.time ? windowOf(when.time) : '',
    when.if === undefined ? '' : `where ${when.if}`,
  ];
  const sentence = words.filter(Boolean).join(' ');
  return message === undefined ? `${sentence}.` : `${sentence}: "${message}".`;
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
