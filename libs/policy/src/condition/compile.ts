import {
  FUNCTIONS,
  LINEAR_MATCHES,
  LOOPS,
  METHODS,
  TOO_LARGE,
  compilePattern,
  environment,
  firstLine,
} from './environment.js';
import { callOf, childrenOf, shapeOf, workOf, type CelNode, type Sizes } from './cost.js';
import { compileDirect } from './direct.js';
import type { Direct } from './direct-fields.js';
import { remembered } from './remembered.js';

const MAX_LOOPS = 2;
const VARIABLES = new Set(['args', 'caller', 'tool', 'context']);

export interface Condition {
  readonly source: string;
  /** Of its patterns, together. */
  readonly instructions: number;
  /** Units of work, at most, over values of these sizes. */
  readonly work: (sizes: Sizes) => number;
  /** The cheap way, where there is one: asked first. */
  readonly direct: Direct | undefined;
  /** True, false, or whatever else a dynamically typed expression gives. Throws on a missing attribute. */
  run(variables: object): unknown;
}

type Compiled = { condition: Condition } | { error: string };

/** What an expression is to give. */
interface Wanted {
  types: readonly string[];
  /** After "must be". */
  called: string;
  /** Of an error, in one sentence. */
  say(error: unknown): string;
}

const TRUTH: Wanted = { types: ['bool', 'dyn'], called: 'true or false', say: firstLine };
// JSON has one kind of number, which CEL takes for double: `args.pages * 200` is a whole number all the same.
const NUMBER: Wanted = { types: ['int', 'double', 'dyn'], called: 'a number', say: withPlace };

/** Parses, checks and prepares a CEL expression. `error` says in one sentence what is wrong. */
export const compileCondition = remembered((source) => compile(source, TRUTH), undefined, weightOf);

/** The same of an expression that gives a number. */
export const compileNumber = remembered((source) => compile(source, NUMBER), undefined, weightOf);

// An instruction takes as much memory as two characters do.
function weightOf(source: string, made: Compiled): number {
  return source.length + ('condition' in made ? 2 * made.condition.instructions : 0);
}

function withPlace(error: unknown): string {
  const { range } = error as { range?: { start?: number } };
  const at = range?.start === undefined ? '' : ` (at character ${range.start + 1})`;
  return `${firstLine(error)}${at}`;
}

function compile(source: string, wanted: Wanted): Compiled {
  try {
    const parsed = environment.parse(source);
    const root = parsed.ast as unknown as CelNode;
    const refusal = vet(root, new Set(VARIABLES), 0);
    if (refusal) return { error: refusal };
    const checked = parsed.check();
    if (!checked.valid) return { error: wanted.say(checked.error) };
    if (!wanted.types.includes(checked.type ?? ''))
      return { error: `must be ${wanted.called}, but gives a value of type ${checked.type}` };
    return {
      condition: {
        source,
        instructions: instructionsOf(root),
        work: workOf(shapeOf(root)),
        direct: compileDirect(root),
        run: parsed as (v: object) => unknown,
      },
    };
  } catch (error) {
    return { error: wanted.say(error) };
  }
}

/**
 * Only what is known to be pure and bounded may be used. Renames `matches`, whose built-in form is
 * a backtracking engine, before anything is checked or run.
 */
function vet(node: CelNode, names: Set<string>, loops: number): string | undefined {
  if (node.op === 'id' && !names.has(node.args as string))
    return `"${String(node.args)}" is not known here; use args, caller, tool or context`;
  const [name, ...operands] = callOf(node);
  if (name === undefined) return vetAll(childrenOf(node), names, loops);
  if (!(node.op === 'rcall' ? METHODS : FUNCTIONS).has(name))
    return `the function "${name}" is not available here`;
  if (LOOPS.has(name)) return vetLoop(name, operands, names, loops);
  if (name === 'matches') {
    const pattern = operands[1];
    const refusal = vetPattern(pattern);
    if (refusal) return refusal;
    (node.args as [string])[0] = LINEAR_MATCHES;
  }
  // Its parser is quadratic in text that a caller could choose.
  if (
    name === 'duration' &&
    !(operands[0]?.op === 'value' && String(operands[0].args).length <= 40)
  )
    return 'duration() takes a literal such as duration("90m")';
  // Zones are for the time matcher, which is cheap; here they cost a formatter each time.
  if (name.startsWith('get') && operands.length > 1)
    return `${name}() works in UTC here; use "when.time" with a zone instead`;
  return vetAll(operands, names, loops);
}

function vetAll(nodes: CelNode[], names: Set<string>, loops: number): string | undefined {
  for (const node of nodes) {
    const refusal = vet(node, names, loops);
    if (refusal) return refusal;
  }
  return undefined;
}

function vetLoop(name: string, operands: CelNode[], names: Set<string>, loops: number) {
  const [receiver, variable, ...body] = operands;
  if (!receiver || !variable || variable.op !== 'id' || body.length === 0)
    return `${name}() takes a variable and an expression, such as list.${name}(x, x > 0)`;
  if (loops >= MAX_LOOPS) return `loops may be nested ${MAX_LOOPS} deep at most`;
  const inner = new Set(names).add(variable.args as string);
  return vet(receiver, names, loops) ?? vetAll(body, inner, loops + 1);
}

function vetPattern(pattern: CelNode | undefined): string | undefined {
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string')
    return 'matches() takes a literal pattern, so that it can be checked beforehand';
  try {
    compilePattern(pattern.args);
    return undefined;
  } catch (error) {
    const why = firstLine(error);
    return `the pattern "${pattern.args.slice(0, 60)}" ${why === TOO_LARGE ? why : `is not a regular expression of RE2: ${why}`}`;
  }
}

function instructionsOf(node: CelNode): number {
  const [name, , pattern] = callOf(node);
  const own = name === LINEAR_MATCHES ? compilePattern(pattern!.args as string).programSize() : 0;
  return childrenOf(node).reduce((sum, child) => sum + instructionsOf(child), own);
}
