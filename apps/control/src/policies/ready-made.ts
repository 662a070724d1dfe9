import type { ReadyMadePolicy } from '@conducktor/contracts';
import { READY_MADE, readyMade } from '@conducktor/policy';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { found } from '../http/not-found.js';
import { activeSource } from './active-version.js';
import { addToSource, inOrder } from './add-to-source.js';
import { createPolicy } from './create-policy.js';

/** What there is, with the rules that each makes of its own defaults. */
export function listReadyMade(): { items: ReadyMadePolicy[]; nextCursor: null } {
  const items = READY_MADE.map(({ id, title, sentence, parameters }) => ({
    id,
    title,
    sentence,
    parameters: parameters.map((parameter) => ({
      ...parameter,
      default: typeof parameter.default === 'object' ? [...parameter.default] : parameter.default,
    })),
    ...readyMade(id),
  }));
  return { items, nextCursor: null };
}

/**
 * Stores the active version with the rules and tests of a ready-made policy as a draft; its comments
 * stay. Throws PolicyError for parameters that do not fit, and for rules that it has already.
 */
export async function draftWithReadyMade(
  control: Pick<Control, 'prisma'>,
  caller: Caller,
  id: string,
  parameters: Record<string, unknown>,
) {
  found(
    READY_MADE.find((each) => each.id === id),
    'ready-made policy',
  );
  const { rules, tests } = readyMade(id, parameters);
  const { basedOn, source } = await activeSource(control, caller);
  const text = addToSource(source, { rules: rules.map(inOrder), tests });
  const { version } = await createPolicy(control, caller, text);
  return { version, basedOn, rules };
}
