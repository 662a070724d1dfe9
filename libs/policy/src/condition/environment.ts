import { Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { foundIn } from './matching.js';

/** Name under which a condition's `matches` runs; the built-in one backtracks and can hang. */
export const LINEAR_MATCHES = 'matchesInLinearTime';

/** Functions that conditions may call. All are pure; those with a cost are in cost.ts. */
export const FUNCTIONS = new Set(
  'has size int uint double string bool type timestamp duration dyn'.split(' '),
);
export const METHODS = new Set(
  (
    'startsWith endsWith contains matches lowerAscii upperAscii trim indexOf lastIndexOf substring ' +
    'size split join all exists exists_one map filter getDate getDayOfMonth getDayOfWeek ' +
    'getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds'
  ).split(' '),
);
export const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** The objects that conditions see; classes, so that the checker knows their fields. */
export class CallerView {
  constructor(
    readonly memberId: string,
    readonly userId: string,
    readonly email: string,
    readonly groups: readonly string[],
    readonly roles: readonly string[],
    readonly clientId: string,
    readonly scopes: readonly string[],
  ) {}
}
export class ToolView {
  readonly class: string;
  constructor(
    readonly name: string,
    readonly upstreamName: string,
    readonly connection: string,
    toolClass: string,
    readonly labels: readonly string[],
  ) {
    this.class = toolClass;
  }
}
export class ContextView {
  constructor(
    readonly now: Date,
    readonly sourceIp: string | undefined,
  ) {}
}

/**
 * Stands for what is nested deeper than conditions can look. Not registered as a type, so that
 * reading it in any way, also by `has` or a loop, is an error and never "not there".
 */
export class TooDeep {}

const MAX_PATTERN = 500;
const MAX_INSTRUCTIONS = 5_000;
/** Why a pattern is refused that took long to compile: nothing more is compiled for whoever sent it. */
export const TOO_LARGE =
  'is too large: repetitions such as {100} are written out, so use fewer or shorter ones';
// Instructions of 135 bytes: some 40 MB.
const MAX_KEPT = 300_000;
const patterns = new Map<string, RE2JS>();
let kept = 0;

/** Throws when RE2 does not know the syntax (look-around, back-references) or the pattern is too large. */
export function compilePattern(source: string): RE2JS {
  let pattern = patterns.get(source);
  if (!pattern) {
    if (source.length > MAX_PATTERN) throw new Error(`longer than ${MAX_PATTERN} characters`);
    pattern = RE2JS.compile(source);
    if (pattern.programSize() > MAX_INSTRUCTIONS) throw new Error(TOO_LARGE);
    patterns.set(source, pattern);
    kept += pattern.programSize();
    // Old policies' patterns must not pile up.
    for (const [oldest, each] of patterns) {
      if (kept <= MAX_KEPT) break;
      patterns.delete(oldest);
      kept -= each.programSize();
    }
  }
  return pattern;
}

/** Of an error for people: what follows the first line is a picture of the place. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!;
}

function createEnvironment(): Environment {
  const environment = new Environment({
    limits: {
      maxAstNodes: 250,
      maxDepth: 32,
      maxListElements: 200,
      maxMapEntries: 100,
      maxCallArguments: 4,
    },
  });
  environment
    .registerType('Caller', {
      ctor: CallerView,
      fields: {
        memberId: 'string',
        userId: 'string',
        email: 'string',
        groups: 'list<string>',
        roles: 'list<string>',
        clientId: 'string',
        scopes: 'list<string>',
      },
    })
    .registerType('Tool', {
      ctor: ToolView,
      fields: {
        name: 'string',
        upstreamName: 'string',
        connection: 'string',
        class: 'string',
        labels: 'list<string>',
      },
    })
    .registerType('Context', {
      ctor: ContextView,
      fields: { now: 'google.protobuf.Timestamp', sourceIp: 'string' },
    })
    .registerVariable('args', 'map<string, dyn>')
    .registerVariable('caller', 'Caller')
    .registerVariable('tool', 'Tool')
    .registerVariable('context', 'Context')
    .registerFunction(
      `string.${LINEAR_MATCHES}(string): bool`,
      (text: string, pattern: string) => {
        const found = foundIn(compilePattern(pattern), text);
        if (found === undefined) throw new Error('the text is too long for the pattern');
        return found;
      },
      { async: false },
    );
  // JSON has one kind of number, which CEL reads as double; people write `args.amount + 1`.
  const arithmetic: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  };
  for (const [operator, apply] of Object.entries(arithmetic)) {
    environment
      .registerOperator(`double ${operator} int: double`, (a: number, b: bigint) =>
        apply(a, Number(b)),
      )
      .registerOperator(`int ${operator} double: double`, (a: bigint, b: number) =>
        apply(Number(a), b),
      );
  }
  environment.registerOperator('double % double: double', (a: number, b: number) => a % b);
  return environment;
}

export const environment = createEnvironment();
