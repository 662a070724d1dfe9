import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

export const PASSWORD_MIN = 10;
export const PASSWORD_MAX = 200;

// The estimate takes longer the longer the password: about 50 ms for so many characters at worst.
const ESTIMATED = 48;
/** Of zxcvbn's 0 to 4. Below it, a million guesses find the password. */
const SCORE_MIN = 2;

// 49,000 leaked passwords, patterns of keyboards, dates, repetitions: 9 MB, made once.
const estimator = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/**
 * What is wrong with a new password, as a sentence, or undefined. `about`: what anybody who attacks
 * this account knows, such as its address and the workspace's name.
 */
export function passwordProblem(
  password: string,
  about: readonly string[] = [],
): string | undefined {
  if ([...password].length < PASSWORD_MIN)
    return `Choose a password of at least ${PASSWORD_MIN} characters.`;
  if (password.length > PASSWORD_MAX) return 'Choose a shorter password.';
  const words = wordsOf(about);
  if (words.some((word) => squeezed(password).includes(word)))
    return 'Choose a password without your name, your address or the name of your workspace in it.';
  if (estimator.check(password.slice(0, ESTIMATED), words).score < SCORE_MIN)
    return 'This password is among the first that an attacker tries. Choose another one, such as a few words that do not belong together.';
  return undefined;
}

// Of an address also the part before the @, which is often a name.
function wordsOf(about: readonly string[]): string[] {
  return about
    .flatMap((text) => [text, text.split('@')[0]!])
    .map(squeezed)
    .filter((word) => word.length >= 4);
}

/** Letters and digits only, so that dots and capitals hide nothing. */
const squeezed = (text: string) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
