/**
 * A hostile schema can make validation exponential in the data (recursive references under `anyOf`)
 * or quadratic. Every subschema therefore counts, and a validation that takes more steps than any
 * real one ends. Validation is synchronous, so one counter serves all.
 */
const MAX_STEPS = 150_000;

let left = 0;

export class TooManySteps extends Error {}

// Made once: the error's stack says nothing, and making it would be the dearest part of refusing.
const tooMany = new TooManySteps();

export function startCounting(): void {
  left = MAX_STEPS;
}

export function countSteps(steps: number): void {
  left -= steps;
  if (left < 0) throw tooMany;
}

/** For keywords that read all of a string (its length in characters) or all keys of an object. */
export function countSize(data: unknown): void {
  if (typeof data === 'string') countSteps(data.length / 20);
  else if (typeof data === 'object' && data !== null && !Array.isArray(data))
    countSteps(Object.keys(data).length * 2);
}
