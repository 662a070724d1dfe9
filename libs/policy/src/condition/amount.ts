import type { PolicyInput } from '../types.js';
import { compileNumber } from './compile.js';
import { Activation } from './evaluate.js';

/** The whole number that an expression gives for a call; a sentence when that cannot be known. */
export type Amount = (input: PolicyInput) => number | { readonly error: string };

/**
 * Prepares a CEL expression over `args`, `caller`, `tool` and `context` that gives a whole number. It may use
 * what conditions may, and is held to the same bounds of work. `error` says in one sentence what is wrong.
 */
export function compileAmount(source: string): { amount: Amount } | { error: string } {
  const compiled = compileNumber(source);
  if ('error' in compiled) return compiled;
  const { condition } = compiled;
  return { amount: (input) => new Activation(input).integer(condition) };
}
