import type { Redaction } from '../types.js';
import { replacementAt, rootStates, statesBelow, type States } from './fields.js';
import { textRedactor, type RedactText } from './find.js';
import { documentsIn, writeDocument } from './embedded.js';
import { isSecret } from './kinds/secret.js';
import { RedactionError, RedactionWork } from './work.js';

// Well within the stack, and deeper than what anybody reads.
const MAX_DEPTH = 200;
// A placeholder can be longer than what it stands for.
const MAX_WRITTEN = 32 * 1024 * 1024;
const MAX_NAMES = 1_000;
const SHORTEST_CARD = 13;

/** Numbers that no double has, as `parseJsonExact` of the catalogue keeps them (ECMAScript 2026). */
const { isRawJSON } = JSON as unknown as {
  isRawJSON(value: unknown): value is { rawJSON: string };
};

interface Plan {
  readonly roots: States;
  readonly text: RedactText | undefined;
  /** Whether patterns are searched for, which may be about any number. */
  readonly patterns: boolean;
  /** Names that came before, as they are shown: rows of a table repeat them. */
  readonly names: Map<string, string>;
  /** What stands for a secret; undefined where secrets stay. */
  readonly secret: string | undefined;
  /** What stands for a text of which it is not known how to take its fields out. */
  readonly unreadable: string | undefined;
  readonly work: RedactionWork;
  written: number;
}

/**
 * A JSON value, or a text, without what the rules take out of results or of audit. Fields are those of the
 * value and of every text in it that is itself JSON; kinds and patterns are looked for in all texts, names
 * and numbers. What stays is as it was: the same objects, and texts unless something in them went. Pure
 * but for a clock that ends a search without end. Throws RedactionError for what is too large, too deep or
 * cannot be searched in time: it is then unredacted, and must be withheld as a whole.
 */
export function redactJson<T>(
  redactions: readonly Redaction[],
  where: 'result' | 'audit',
  value: T,
  work = new RedactionWork(),
): T {
  const asked = redactions.filter(({ from }) => from.has(where));
  if (asked.length === 0) return value;
  const plan: Plan = {
    roots: rootStates(asked),
    text: textRedactor(asked),
    patterns: asked.some(({ patterns }) => patterns.length > 0),
    names: new Map(),
    secret: asked.find(({ kinds }) => kinds.includes('secret'))?.with,
    unreadable: asked.find(({ paths }) => paths.length > 0)?.with,
    work,
    written: 0,
  };
  try {
    return redact(plan, value, plan.roots, undefined, 0) as T;
  } catch (error) {
    if (error instanceof RedactionError) throw error;
    throw new RedactionError('cannot be redacted', { cause: error });
  }
}

function redact(
  plan: Plan,
  value: unknown,
  states: States,
  name: string | undefined,
  depth: number,
): unknown {
  plan.work.spend(1);
  const replacement = replacementAt(states);
  if (replacement !== undefined) return written(plan, replacement);
  if (typeof value === 'string') return redactText(plan, value, name, depth);
  if (typeof value === 'number') return redactNumber(plan, value, String(value), name);
  if (typeof value !== 'object' || value === null) return value;
  if (isRawJSON(value)) return redactNumber(plan, value, value.rawJSON, name);
  if (depth >= MAX_DEPTH) throw new RedactionError('is nested too deep to be redacted');
  return Array.isArray(value)
    ? redactList(plan, value, states, name, depth)
    : redactObject(plan, value, states, depth);
}

function redactList(
  plan: Plan,
  list: readonly unknown[],
  states: States,
  name: string | undefined,
  depth: number,
): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (const [index, member] of list.entries()) {
    const below = statesBelow(states, String(index), plan.work);
    const redacted = redact(plan, member, below, name, depth + 1);
    if (redacted !== member) (copy ??= [...list])[index] = redacted;
  }
  return copy ?? list;
}

function redactObject(plan: Plan, object: object, states: States, depth: number): object {
  const entries: [string, unknown][] = [];
  let changed = false;
  for (const [name, member] of Object.entries(object)) {
    const below = statesBelow(states, name, plan.work);
    const redacted = redact(plan, member, below, name, depth + 1);
    const shown = plan.text === undefined ? name : shownName(plan, plan.text, name);
    changed ||= redacted !== member || shown !== name;
    entries.push([shown, redacted]);
  }
  return changed ? objectOf(entries) : object;
}

/** A name may be what is to be hidden: `{ "ada@example.com": … }`. */
function shownName({ names, work }: Plan, text: RedactText, name: string): string {
  let shown = names.get(name);
  if (shown === undefined) {
    shown = text(name, work);
    if (names.size < MAX_NAMES) names.set(name, shown);
  }
  return shown;
}

/** Entries that are called the same now are told apart, so that none is lost. */
function objectOf(entries: readonly [string, unknown][]): object {
  const names = new Set(entries.map(([name]) => name));
  if (names.size === entries.length) return Object.fromEntries(entries);
  const times = new Map<string, number>();
  return Object.fromEntries(
    entries.map(([name, value]) => {
      let time = times.get(name) ?? 0;
      let shown: string;
      do shown = ++time === 1 ? name : `${name} ${time}`;
      while (time > 1 && names.has(shown));
      times.set(name, time);
      return [shown, value];
    }),
  );
}

function redactText(plan: Plan, text: string, name: string | undefined, depth: number): string {
  if (plan.secret !== undefined && name !== undefined && isSecret(name, text))
    return written(plan, plan.secret);
  plan.work.spend(text.length / 64);
  const documents = documentsIn(text);
  if (documents === undefined) return written(plan, plan.text?.(text, plan.work) ?? text);
  if (documents === 'broken' && plan.unreadable !== undefined)
    return written(plan, plan.unreadable);
  if (documents === 'broken') return written(plan, plan.text?.(text, plan.work) ?? text);
  let changed = false;
  const redacted = documents.map((document) => {
    const without = redact(plan, document.value, plan.roots, undefined, depth + 1);
    if (without === document.value && !document.saysMore) return document.text;
    changed = true;
    return writeDocument(without, document.text);
  });
  return written(plan, changed ? redacted.join('\n') : text);
}

/** A number that is what is looked for is replaced by the text that stands for it. */
function redactNumber(
  plan: Plan,
  value: unknown,
  digits: string,
  name: string | undefined,
): unknown {
  if (plan.secret !== undefined && name !== undefined && isSecret(name, digits))
    return written(plan, plan.secret);
  if (digits.length < SHORTEST_CARD && !plan.patterns) return value;
  const redacted = plan.text?.(digits, plan.work) ?? digits;
  return redacted === digits ? value : written(plan, redacted);
}

function written(plan: Plan, text: string): string {
  plan.written += text.length;
  if (plan.written > MAX_WRITTEN) throw new RedactionError('is too large to be redacted');
  return text;
}
