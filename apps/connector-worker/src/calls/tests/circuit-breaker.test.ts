import { expect, it } from 'vitest';
import { CircuitBreaker } from '../circuit-breaker.js';

it('many calls that fail together make a connection rest once, for a second', () => {
  const breaker = new CircuitBreaker();
  for (let n = 0; n < 64; n++) expect(breaker.admit(0)).toBe(0);
  for (let n = 0; n < 64; n++) breaker.failed(10);
  expect(breaker.admit(10)).toBe(1_000);
  expect(breaker.admit(1_010)).toBe(0);
  // The probe fails too: now it rests for longer.
  breaker.failed(1_020);
  expect(breaker.admit(1_020)).toBe(2_000);
});
