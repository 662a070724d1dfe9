import type { Redaction } from '../types.js';
import type { FieldPath, Step } from './field-path.js';
import type { RedactionWork } from './work.js';

/** How far down a path a value is. */
interface State {
  readonly path: FieldPath;
  /** What is to come; undefined: the value is what the path leads to. */
  readonly step: Step | undefined;
  /** One step further. */
  readonly next: State | undefined;
  readonly with: string;
}
export type States = readonly State[];

/** Where every JSON document begins. */
export function rootStates(redactions: readonly Redaction[]): States {
  const states: State[] = [];
  for (const each of redactions)
    for (const path of each.paths) enter(states, firstState(path, each.with));
  return states;
}

function firstState(path: FieldPath, replacement: string): State {
  const end: State = { path, step: undefined, next: undefined, with: replacement };
  return path.reduceRight<State>((next, step) => ({ path, step, next, with: replacement }), end);
}

/** Of the value with this name, or index, in one with these states. */
export function statesBelow(states: States, name: string, work: RedactionWork): States {
  if (states.length === 0) return states;
  work.spend(2 * states.length);
  const below: State[] = [];
  for (const state of states) {
    const { step, next } = state;
    if (step === '**') enter(below, state);
    else if (next && (step === '*' || (step as { name: string }).name === name)) enter(below, next);
  }
  return below;
}

/** What a value becomes to which a path leads; undefined where none does. */
export function replacementAt(states: States): string | undefined {
  for (const state of states) if (state.step === undefined) return state.with;
  return undefined;
}

/** `**` is any number of names, also none: what is after it is reached too. */
function enter(states: State[], state: State): void {
  // States of one path stand together.
  for (let at = states.length - 1; states[at]?.path === state.path; at--)
    if (states[at] === state) return;
  states.push(state);
  if (state.step === '**') enter(states, state.next!);
}
