import { expect, it } from 'vitest';
import { compileAmount } from '../index.js';
import { aCall } from './factories.js';

it.each([
  ['0.5', 'the expression gave 0.5, which is not a whole number'],
  [
    '1e18',
    'the expression gave 1000000000000000000, which is not a whole number that is kept exactly',
  ],
  [
    '9223372036854775807',
    'the expression gave 9223372036854775807, which is not a whole number that is kept exactly',
  ],
])('%s is no amount, and what it is instead is true', (source, error) => {
  const compiled = compileAmount(source);
  if ('error' in compiled) throw new Error(compiled.error);
  expect(compiled.amount(aCall())).toEqual({ error });
});
