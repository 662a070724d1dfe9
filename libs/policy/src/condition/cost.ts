import { LINEAR_MATCHES, LOOPS } from './environment.js';

/**
 * A bound on the work of evaluating a condition, known before it is evaluated: what the expression
 * is made of (counted once) times how large the call's arguments are (measured once per call).
 * One unit is roughly 50 ns, see the tests; a decision may spend BUDGET units on all its conditions.
 */
export const BUDGET = 1_000_000;

/** cel-js' syntax tree, as far as it is looked at here. */
export interface CelNode {
  op: string;
  args: unknown;
}

export interface Shape {
  nodes: number;
  /** Nesting of loops; `in` and deep equality inside a loop count as one. */
  loops: number;
  /** Operators and calls that can make a value larger than what they were given. */
  growers: number;
  /** Calls that read a whole string: weight in units per 64 characters. */
  scans: number;
  /** Joins strings of a list, or splits one into a list. */
  joins: boolean;
  splits: boolean;
  longestLiteralList: number;
}

const SCANS = new Map([
  [LINEAR_MATCHES, 32],
  ['contains', 2],
  ['indexOf', 2],
  ['lastIndexOf', 2],
  ['lowerAscii', 2],
  ['upperAscii', 2],
  ['size', 8],
  ['split', 8],
  ['join', 4],
  ['trim', 2],
]);

export function shapeOf(root: CelNode): Shape {
  const shape: Shape = {
    nodes: 0,
    loops: 0,
    growers: 0,
    scans: 0,
    joins: false,
    splits: false,
    longestLiteralList: 0,
  };
  const walk = (node: CelNode, loops: number): void => {
    shape.nodes++;
    shape.loops = Math.max(shape.loops, loops);
    if (node.op === '+') shape.growers++;
    if (node.op === 'list')
      shape.longestLiteralList = Math.max(shape.longestLiteralList, (node.args as []).length);
    const [name, ...operands] = callOf(node);
    if (name !== undefined) {
      shape.scans += SCANS.get(name) ?? 0;
      if (name === 'join') shape.joins = true;
      if (name === 'split') shape.splits = true;
      if (LOOPS.has(name)) {
        const [receiver, ...body] = operands;
        walk(receiver!, loops);
        for (const part of body) walk(part, loops + 1);
        return;
      }
    }
    const isCollectionWork =
      loops > 0 && ['in', '==', '!='].includes(node.op) && !hasLiteral(node.args as CelNode[]);
    for (const child of childrenOf(node)) walk(child, isCollectionWork ? loops + 1 : loops);
  };
  walk(root, 0);
  return shape;
}

const hasLiteral = (operands: CelNode[]) =>
  operands.some(({ op }) => op === 'value' || op === 'list');

/** Name, receiver and arguments of a method call; name and arguments of a function call. */
export function callOf(node: CelNode): [undefined] | [string, ...CelNode[]] {
  if (node.op === 'rcall') {
    const [name, receiver, rest] = node.args as [string, CelNode, CelNode[]];
    return [name, receiver, ...rest];
  }
  if (node.op === 'call') {
    const [name, rest] = node.args as [string, CelNode[]];
    return [name, ...rest];
  }
  return [undefined];
}

/** Every node directly below, whatever the operator keeps in its arguments. */
export function childrenOf(node: CelNode): CelNode[] {
  const found: CelNode[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (isNode(value)) found.push(value);
  };
  if (node.op !== 'value') collect(node.args);
  return found;
}

function isNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

export interface Sizes {
  /** Members of the largest list or object. */
  collection: number;
  /** Characters of the longest string. */
  text: number;
  /** Levels of lists and objects. */
  depth: number;
}

export function sizesOf(value: unknown): Sizes {
  const sizes: Sizes = { collection: 0, text: 0, depth: 0 };
  const walk = (part: unknown, depth: number): void => {
    if (typeof part === 'string') {
      if (part.length > sizes.text) sizes.text = part.length;
      return;
    }
    if (typeof part !== 'object' || part === null) return;
    if (depth > sizes.depth) sizes.depth = depth;
    let members = 0;
    if (Array.isArray(part)) {
      members = part.length;
      for (const member of part) walk(member, depth + 1);
    } else {
      for (const key in part) {
        members++;
        if (key.length > sizes.text) sizes.text = key.length;
        walk((part as Record<string, unknown>)[key], depth + 1);
      }
    }
    if (members > sizes.collection) sizes.collection = members;
  };
  walk(value, 1);
  return sizes;
}

/** Units that evaluating an expression of this shape can cost at most, by the sizes of its values. */
export function workOf(shape: Shape): (sizes: Sizes) => number {
  const growth = (1 + shape.growers) ** (shape.loops + 1);
  const perCharacter = growth * (shape.scans / 64 + 1 / 4096);
  // Most conditions: what they cost grows with the text alone.
  if (shape.loops === 0 && !shape.joins) return ({ text }) => shape.nodes + perCharacter * text;
  return (sizes) => {
    const members = shape.splits ? Math.max(sizes.collection, sizes.text) : sizes.collection;
    const collection = Math.max(members, shape.longestLiteralList, 1) * growth;
    const text = sizes.text * (shape.joins ? collection : 1);
    return collection ** shape.loops * (shape.nodes + perCharacter * text);
  };
}
