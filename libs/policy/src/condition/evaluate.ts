import type { PolicyInput } from '../types.js';
import type { Condition } from './compile.js';
import { BUDGET, sizesOf, type Sizes } from './cost.js';
import { CallerView, ContextView, firstLine, TooDeep, ToolView } from './environment.js';
import { matching, MAX_STEPS } from './matching.js';

/** Whether a condition holds; a sentence when that cannot be known. */
export type Verdict = true | false | { readonly error: string };

/**
 * Levels of lists and objects that conditions can look into. The CEL library remembers a type for
 * every shape of nesting it ever met, so callers must not be able to make up shapes without end.
 */
const MAX_DEPTH = 6;
const tooDeep = new TooDeep();

/** One call's values as conditions see them, and what is left of the work they may cause. */
export class Activation {
  readonly #input: PolicyInput;
  #sizes: Sizes | undefined;
  #variables: object | undefined;
  #left = BUDGET;
  #steps = MAX_STEPS;

  constructor(input: PolicyInput) {
    this.#input = input;
  }

  evaluate(condition: Condition): Verdict {
    const value = this.#run(condition, 'boolean');
    if (typeof value === 'boolean') return value;
    if (value instanceof Failure) return { error: value.why };
    return { error: 'the condition gave a value that is neither true nor false' };
  }

  /** The whole number that an expression gives, of those that are exact in JSON. */
  integer(expression: Condition): number | { readonly error: string } {
    const value = this.#run(expression, 'number');
    if (value instanceof Failure) return { error: value.why };
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (Number.isSafeInteger(number)) return number as number;
    const wanted =
      typeof value === 'bigint' || Number.isInteger(value)
        ? 'a whole number that is kept exactly'
        : 'a whole number';
    return { error: `the expression gave ${shown(value)}, which is not ${wanted}` };
  }

  #run(condition: Condition, type: 'boolean' | 'number'): unknown {
    matching.left = this.#steps;
    try {
      const work = condition.work((this.#sizes ??= sizesIn(this.#input)));
      if (!(work <= this.#left)) return TOO_MUCH_WORK;
      this.#left -= work;
      const known = condition.direct?.(this.#input);
      if (typeof known === type) return known;
      this.#variables ??= variablesOf(this.#input, this.#sizes);
      return condition.run(this.#variables);
    } catch (error) {
      return new Failure(firstLine(error));
    } finally {
      this.#steps = matching.left;
    }
  }
}

/** An evaluation that came to no value. */
class Failure {
  constructor(readonly why: string) {}
}
const TOO_MUCH_WORK = new Failure('the arguments are too large for this condition to be evaluated');

function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : 'a value of another type';
}

function sizesIn({ caller, tool, args }: PolicyInput): Sizes {
  const sizes = sizesOf(args);
  sizes.collection = Math.max(
    sizes.collection,
    caller.groups.length,
    caller.roles.length,
    caller.scopes.length,
    tool.labels.length,
  );
  return sizes;
}

function variablesOf({ caller, tool, args, context }: PolicyInput, { depth }: Sizes): object {
  return {
    args: depth > MAX_DEPTH ? cut(args, 1) : args,
    caller: new CallerView(
      caller.memberId,
      caller.userId,
      caller.email,
      caller.groups,
      caller.roles,
      caller.clientId,
      caller.scopes,
    ),
    tool: new ToolView(tool.name, tool.upstreamName, tool.connection, tool.class, tool.labels),
    context: new ContextView(context.now, context.sourceIp),
  };
}

function cut(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return tooDeep;
  if (Array.isArray(value)) return value.map((member) => cut(member, depth + 1));
  // Without a prototype, so that a key named __proto__ is a key like any other.
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of Object.entries(value)) copy[key] = cut(member, depth + 1);
  return copy;
}
