import { callOf, type CelNode } from './cost.js';
import { field, has, unsure, UNSURE, type Direct } from './direct-fields.js';
import { compilePattern, LINEAR_MATCHES } from './environment.js';
import { foundIn } from './matching.js';

/**
 * What most conditions are made of (comparisons, membership and tests of strings, over fields and
 * literals, joined by && || !) as closures, about twenty times cheaper than the library, which walks a
 * tree and looks up types each time. They answer only where the value's own type leaves no doubt what
 * the library would; a part that is not known here is UNSURE, and the library then evaluates the whole.
 * Undefined when that would be always so. Takes the tree after `vet`.
 */
export function compileDirect(root: CelNode): Direct | undefined {
  const direct = compile(root);
  return direct === unsure ? undefined : direct;
}

function compile(node: CelNode): Direct {
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case '.':
    case '[]':
      return field(node);
    case '-_':
      return negative(compile(node.args as CelNode));
    case '!_':
      return not(compile(node.args as CelNode));
    case '&&':
      return junction(false, node.args as [CelNode, CelNode]);
    case '||':
      return junction(true, node.args as [CelNode, CelNode]);
    case 'in':
      return membership(node.args as [CelNode, CelNode]);
    case 'call':
    case 'rcall':
      return call(node);
    default:
      return comparison(node);
  }
}

function literal(value: unknown): Direct {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? () => number : unsure;
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? () => value : unsure;
}

const negative = (operand: Direct): Direct =>
  operand === unsure
    ? unsure
    : (input) => {
        const value = operand(input);
        return typeof value === 'number' ? -value : UNSURE;
      };

const not = (operand: Direct): Direct =>
  operand === unsure
    ? unsure
    : (input) => {
        const value = operand(input);
        return typeof value === 'boolean' ? !value : UNSURE;
      };

/** `deciding` on either side decides, also beside an error (CEL, section "Logical Operators"). */
function junction(deciding: boolean, operands: [CelNode, CelNode]): Direct {
  const [left, right] = operands.map(compile) as [Direct, Direct];
  if (left === unsure && right === unsure) return unsure;
  return (input) => {
    const first = left(input);
    if (first === deciding) return deciding;
    const second = right(input);
    if (second === deciding) return deciding;
    return first === !deciding && second === !deciding ? !deciding : UNSURE;
  };
}

type Comparable = string | number;
const COMPARISONS: Record<string, (a: Comparable, b: Comparable) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

function comparison({ op, args }: CelNode): Direct {
  const compare = COMPARISONS[op];
  if (!compare) return unsure;
  const [left, right] = (args as [CelNode, CelNode]).map(compile) as [Direct, Direct];
  if (left === unsure || right === unsure) return unsure;
  return (input) => {
    const a = left(input);
    const b = right(input);
    const known =
      (typeof a === 'number' && typeof b === 'number') ||
      (typeof a === 'string' && typeof b === 'string');
    return known ? compare(a, b) : UNSURE;
  };
}

/** In a list of strings, literal or not. */
function membership([member, list]: [CelNode, CelNode]): Direct {
  const value = compile(member);
  if (value === unsure) return unsure;
  if (list.op === 'list') {
    const values = (list.args as CelNode[]).map(({ op, args }) => (op === 'value' ? args : null));
    if (values.length === 0 || !values.every(isString)) return unsure;
    const set = new Set(values);
    return (input) => {
      const text = value(input);
      return typeof text === 'string' ? set.has(text) : UNSURE;
    };
  }
  const values = compile(list);
  if (values === unsure) return unsure;
  return (input) => {
    const text = value(input);
    const all = values(input);
    if (typeof text !== 'string' || !Array.isArray(all) || all.length === 0) return UNSURE;
    return all.every(isString) ? all.includes(text) : UNSURE;
  };
}

const isString = (value: unknown) => typeof value === 'string';

function call(node: CelNode): Direct {
  const [name, ...operands] = callOf(node);
  if (name === 'has') return has(operands[0]!);
  const [subject, argument] = operands.map(compile);
  if (!subject || subject === unsure) return unsure;
  if (name === 'size' && operands.length === 1) return size(subject);
  if (node.op !== 'rcall' || operands.length !== 2) return unsure;
  if (name === LINEAR_MATCHES) return matches(subject, operands[1]!.args as string);
  const test = TEXT_TESTS[name!];
  if (!test || argument === undefined || argument === unsure) return unsure;
  return (input) => {
    const text = subject(input);
    const part = argument(input);
    return typeof text === 'string' && typeof part === 'string' ? test(text, part) : UNSURE;
  };
}

const TEXT_TESTS: Record<string, (text: string, part: string) => boolean> = {
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
  contains: (text, part) => text.includes(part),
};

function matches(subject: Direct, source: string): Direct {
  const pattern = compilePattern(source);
  return (input) => {
    const text = subject(input);
    return typeof text === 'string' ? (foundIn(pattern, text) ?? UNSURE) : UNSURE;
  };
}

/** Of a string, its code points. The library looks into the first member of a list, and may fail at it. */
const size =
  (subject: Direct): Direct =>
  (input) => {
    const value = subject(input);
    if (Array.isArray(value)) return typeof value[0] === 'object' ? UNSURE : value.length;
    if (typeof value !== 'string') return UNSURE;
    let count = 0;
    for (const _ of value) count++;
    return count;
  };
