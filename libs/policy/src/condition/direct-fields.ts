import type { PolicyInput } from '../types.js';
import type { CelNode } from './cost.js';

/** What cannot be said here, and is the CEL library's to say: another type, a missing key, an error. */
export const UNSURE = Symbol('unsure');

/** A part of a condition as a function of the call: its value, or UNSURE. Never throws. */
export type Direct = (input: PolicyInput) => unknown;

export const unsure: Direct = () => UNSURE;

// Objects further down may be cut off for the library, see MAX_DEPTH in evaluate.ts.
const MAX_PATH = 4;

type Fields = Readonly<Record<string, (input: PolicyInput) => unknown>>;
const FIELDS: Readonly<Record<string, Fields>> = {
  caller: {
    memberId: ({ caller }) => caller.memberId,
    userId: ({ caller }) => caller.userId,
    email: ({ caller }) => caller.email,
    groups: ({ caller }) => caller.groups,
    roles: ({ caller }) => caller.roles,
    clientId: ({ caller }) => caller.clientId,
    scopes: ({ caller }) => caller.scopes,
  },
  tool: {
    name: ({ tool }) => tool.name,
    upstreamName: ({ tool }) => tool.upstreamName,
    connection: ({ tool }) => tool.connection,
    class: ({ tool }) => tool.class,
    labels: ({ tool }) => tool.labels,
  },
  context: { sourceIp: ({ context }) => context.sourceIp },
};

/** A field of args, caller, tool or context. */
export function field(node: CelNode): Direct {
  const path = pathOf(node);
  if (!path) return unsure;
  const [root, ...keys] = path;
  if (root === 'args') return argument(keys);
  const read = keys.length === 1 ? FIELDS[root!]?.[keys[0]!] : undefined;
  return read ?? unsure;
}

/** `args.a["b"]` as its names, the variable first. */
function pathOf({ op, args }: CelNode): string[] | undefined {
  if (op === 'id') return [args as string];
  if (op !== '.' && op !== '[]') return undefined;
  const [parent, key] = args as [CelNode, CelNode | string];
  const name = typeof key === 'string' ? key : key.op === 'value' ? key.args : undefined;
  const above = pathOf(parent);
  return above && typeof name === 'string' ? [...above, name] : undefined;
}

function argument(keys: string[]): Direct {
  const [only] = keys;
  if (keys.length === 1) return ({ args }) => member(args, only!);
  if (keys.length > MAX_PATH) return unsure;
  return ({ args }) => {
    let value: unknown = args;
    for (const key of keys) value = member(value, key);
    return value;
  };
}

/** What JSON has under this key; UNSURE for what is no plain object, as one with a key "constructor". */
function member(object: unknown, key: string): unknown {
  if (!isPlain(object) || !Object.hasOwn(object, key)) return UNSURE;
  return object[key];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return value.constructor === Object || Object.getPrototypeOf(value) === null
    ? !Object.hasOwn(value, 'constructor')
    : false;
}

/** `has(args.a.b)`. */
export function has(node: CelNode): Direct {
  const path = pathOf(node);
  if (path?.[0] !== 'args' || path.length < 2 || path.length > MAX_PATH) return unsure;
  const parent = argument(path.slice(1, -1));
  const key = path.at(-1)!;
  return (input) => {
    const object = parent(input);
    if (!isPlain(object)) return UNSURE;
    if (!Object.hasOwn(object, key)) return false;
    // The library looks into what is there, and may fail at it.
    return typeof object[key] === 'object' || object[key] === undefined ? UNSURE : true;
  };
}
