import { UsageError, type StackOptions } from '../options.js';
import { explainPolicy } from './explain.js';
import { simulatePolicy } from './simulate.js';
import type { Surroundings } from './surroundings.js';
import { testPolicy } from './test.js';

const COMMANDS = { test: testPolicy, simulate: simulatePolicy };

/**
 * `conducktor policy test|simulate|explain FILE`: a policy tried before it decides. Exit status 1: a test
 * failed, or the simulation did not come to its end; 130: it was stopped by Ctrl-C.
 */
export async function policy(
  options: StackOptions,
  surroundings: Surroundings = { env: process.env, out: process.stdout, in: process.stdin },
): Promise<number> {
  const [what = '', file] = options.words;
  if (what === 'explain') return explainPolicy(options, file, surroundings);
  if (!Object.hasOwn(COMMANDS, what) || file === undefined)
    throw new UsageError(
      'Say what to do with which file: "policy test FILE", "policy simulate FILE" or "policy explain [FILE] --tool NAME".',
    );
  return COMMANDS[what as keyof typeof COMMANDS](options, file, surroundings);
}
