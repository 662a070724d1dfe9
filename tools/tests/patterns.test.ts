// CVE-2026-0621: a pattern that backtracks stops a whole process. Patterns of strangers run on an engine
// that cannot; those of our own are all tried here with texts that are made to be slow for them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createContext, Script } from 'node:vm';
import ts from 'typescript';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const BOUND_MS = 50;
/** For what doubles with each character; for what grows with the cube; longer than any header or line. */
const [SHORT, MIDDLE, LONG] = [40, 800, 16_384];

/** Patterns that are slow on long texts and never see one from a stranger; each with its reason. */
const BOUNDED: Record<string, string> = {
  'apps/auth/src/accounts/new-workspace.ts /^-+|-+$/g': 'runs of dashes were made one before',
  'apps/auth/src/accounts/new-workspace.ts /-+$/': 'on 24 characters',
  'apps/control/src/http/openapi.ts /[/:-]+(\\w)/g': 'on paths of our own routes',
  'libs/catalog/src/json/parse-strict.ts /0+$/': 'on numbers of a bounded length',
  'libs/config/src/sample-secrets.ts /\\d+$/': 'on what the operator set',
  'libs/config/src/telemetry.ts /^\\d*\\.?\\d+$/': 'on what the operator set',
  'libs/oauth-client/src/sign-in.ts /<[^>]+>/g': 'on pages of our own, in tests',
};

interface Pattern {
  where: string;
  regex: RegExp;
}

function patternsOf(path: string): Pattern[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  if (!text.includes('/')) return [];
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const found: Pattern[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      const flags = node.text.slice(end + 1).replace(/[gy]/g, '');
      found.push({
        where: `${path} ${node.text}`,
        regex: new RegExp(node.text.slice(1, end), flags),
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const sources = ['apps', 'libs'].flatMap((kind) =>
  readdirSync(join(ROOT, kind)).flatMap((name) =>
    readdirSync(join(ROOT, kind, name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/(^|\/)(tests|generated)\//.test(file))
      .map((file) => `${kind}/${name}/src/${file}`),
  ),
);

/** What a pattern is slow on repeats what it likes, and ends in what it does not. */
function hostileTexts({ source }: RegExp, length: number): string[] {
  const literal = source.replace(/\\[a-zA-Z]|[\\^$()[\]{}*+?|]/g, '');
  const pumps = new Set([
    'a',
    '0',
    ' ',
    '-',
    '.',
    '/',
    'aA0',
    'a.',
    ' \n',
    // A beginning in every word, and no end.
    `${literal.slice(0, 3)}aaaaaa-`,
    ...literal.slice(0, 12),
  ]);
  const heads = ['', literal.slice(0, 12)];
  return [...pumps].flatMap((pump) =>
    heads.flatMap((head) =>
      ['\0', ` ${literal.slice(-2)}\n!`].map(
        (tail) => head + pump.repeat(Math.ceil(length / pump.length)) + tail,
      ),
    ),
  );
}

const TOGETHER = new Script('for (const text of texts) regex.test(text)');

/**
 * The longest of it in ms: first on short texts, cut off when it doubles with each character. Cut off
 * three times, so that a neighbour does not count.
 */
function slowest(regex: RegExp): number {
  const room = createContext({ regex, texts: hostileTexts(regex, SHORT) });
  const work = () => TOGETHER.runInContext(room, { timeout: 500 });
  if (isCutOff(work) && isCutOff(work) && isCutOff(work)) return Infinity;
  for (const text of [...hostileTexts(regex, MIDDLE), ...hostileTexts(regex, LONG)]) {
    let best = Infinity;
    // The best of five, for the same reason.
    for (let tries = 0; tries < 5 && best >= BOUND_MS; tries++) {
      const began = performance.now();
      regex.test(text);
      best = Math.min(best, performance.now() - began);
    }
    if (best >= BOUND_MS) return best;
  }
  return 0;
}

function isCutOff(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return true;
  }
}

test('the classic would be found', () => {
  for (const regex of [/^(a+)+$/, /\s+$/])
    expect(slowest(regex), String(regex)).toBeGreaterThanOrEqual(BOUND_MS);
});

test('no pattern of ours takes 50 ms on a hostile text', () => {
  const patterns = sources.flatMap(patternsOf);
  const known = new Set(patterns.map(({ where }) => where));
  expect(Object.keys(BOUNDED).filter((where) => !known.has(where))).toEqual([]);
  expect(patterns.length).toBeGreaterThan(150);
  const slow = patterns
    .filter(({ where }) => BOUNDED[where] === undefined)
    .map(({ where, regex }) => ({ where, ms: slowest(regex) }))
    .filter(({ ms }) => ms >= BOUND_MS)
    .map(({ where, ms }) => `${where}: ${Math.round(ms)} ms`);
  expect(slow).toEqual([]);
}, 60_000);
