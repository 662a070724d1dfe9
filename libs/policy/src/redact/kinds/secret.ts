import { matchesIn, type Find } from '../search.js';

/** Shapes that services give their tokens, so that scanners can find them. None is searched for twice in a run. */
const TOKENS = new RegExp(
  [
    'eyJ[\\w-]{10,}\\.[\\w-]{10,}(?:\\.[\\w-]*)?', // JWT
    '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}', // AWS
    'gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\\w{22,}',
    'glpat-[\\w-]{20,}',
    'xox[abeoprs]-[\\w-]{10,}|xapp-[\\w-]{10,}', // Slack
    '(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}', // Stripe
    'sk-[\\w-]{20,}', // OpenAI, Anthropic
    'AIza[\\w-]{35}|ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{20,}', // Google
    'SG\\.[\\w-]{16,}\\.[\\w-]{16,}', // SendGrid
    'npm_[A-Za-z0-9]{36}|pypi-[\\w-]{50,}|dop_v1_[a-f0-9]{64}|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}',
    'hf_[A-Za-z0-9]{30,}|lin_api_[A-Za-z0-9]{30,}|ntn_[A-Za-z0-9]{30,}|pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}',
  ]
    .map((shape) => `(?<![\\w-])(?:${shape})`)
    .join('|'),
  'g',
);
const BEARER = /(?<!\w)(?:bearer|basic) {1,3}([\w.~+/-]{16,}=*)/gi;
const IN_URL = /:\/\/[^\s:@/]{0,100}:([^\s@/]{1,200})@/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/g;
// What is quoted may stand in a text that is quoted itself: `{\"password\":\"…\"}`.
const ASSIGNMENT =
  /(password|passwd|passphrase|passcode|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)["'\\]{0,4}\s{0,5}(?::|=>?)\s{0,5}(?:\\{1,3}["']([^"'\\\r\n]+)|"((?:[^"\\\r\n]|\\.)+)|'((?:[^'\\\r\n]|\\.)+)|([^\s"',;]+))/gi;

// Of `continuation_token`, what is before the word that was found.
const LONGEST_PREFIX = 13;

/** Tokens of well-known shapes, private keys, and what is assigned to a name such as `password`. */
export const findSecrets: Find = (text, found) => {
  for (const { 0: token, index } of matchesIn(text, TOKENS)) found(index, index + token.length);
  for (const shape of [BEARER, IN_URL])
    for (const match of matchesIn(text, shape)) {
      const from = match.index + match[0].lastIndexOf(match[1]!);
      found(from, from + match[1]!.length);
    }
  let to = 0;
  for (const { index } of matchesIn(text, PRIVATE_KEY)) {
    // It goes with the one that it stands in: were its end searched for again, that would be quadratic.
    if (index < to) continue;
    const end = text.indexOf('-----END', index);
    // Without an end all the rest is taken for it.
    const close = end < 0 ? -1 : text.indexOf('-----', end + 8);
    to = close < 0 ? text.length : close + 5;
    found(index, to);
  }
  for (const match of matchesIn(text, ASSIGNMENT)) {
    const value = match[2] ?? match[3] ?? match[4] ?? match[5]!;
    const name = text.slice(Math.max(0, match.index - LONGEST_PREFIX), match.index) + match[1]!;
    const end = match.index + match[0].length;
    if (isSecret(name, value)) found(end - value.length, end);
  }
};

const CHOSEN_BY_PEOPLE = /(?:pass(?:word|wd|phrase|code)|pwd)s?$/i;
// Not every key: those of records and of objects in a store are long too.
const MADE_BY_MACHINES =
  /(?:secret|token|(?:api|access|private|secret|auth|signing|encryption|shared|account)[_-]?key|credential|authorization|cookie)s?$/i;
// Marks of a place in a list, which clients hand back.
const CURSOR = /(?:page|next|prev|previous|continuation|sync|cursor|delta)[_-]?token$/i;
const [SHORTEST, ENTROPY] = [16, 3];

/**
 * Whether what stands under this name is a secret: any password, and under names such as `apiKey` what is
 * long and random enough (3 bits a character) to be a key rather than a word.
 */
export function isSecret(name: string, value: string): boolean {
  if (CHOSEN_BY_PEOPLE.test(name)) return value.length >= 4;
  if (!MADE_BY_MACHINES.test(name) || CURSOR.test(name)) return false;
  return value.length >= SHORTEST && !/\s/.test(value.trim()) && entropyOf(value) >= ENTROPY;
}

/** Shannon's, in bits a character, of the first 256. */
function entropyOf(value: string): number {
  const sample = value.slice(0, 256);
  const counts = new Map<string, number>();
  for (const letter of sample) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values())
    entropy -= (count / sample.length) * Math.log2(count / sample.length);
  return entropy;
}
