import type { PolicyDocument } from '@conducktor/contracts';
import { compilePolicy, parsePolicy, type CompiledPolicy } from '@conducktor/policy';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { activeVersion } from './active-version.js';
import { getPolicy } from './read-policies.js';

export interface PolicyToTry {
  /** Null: a draft. */
  version: number | null;
  document: PolicyDocument;
  policy: CompiledPolicy;
}

// Where no version is active nothing is allowed.
const NOTHING = { version: 1, default: 'deny' };

/**
 * The draft, the stored version, or the active one where neither is named. Throws PolicyError for a draft
 * that cannot work, and `not_found` for a version that is not there.
 */
export async function policyToTry(
  control: Pick<Control, 'prisma'>,
  caller: Caller,
  asked: {
    document?: string | Record<string, unknown> | undefined;
    version?: number | undefined;
  },
): Promise<PolicyToTry> {
  if (asked.document !== undefined) return prepared(null, asked.document);
  const version = asked.version ?? (await activeVersion(control, caller));
  if (version === null) return prepared(null, NOTHING);
  const stored = await getPolicy(control, caller, String(version));
  return prepared(version, stored.document);
}

function prepared(version: number | null, source: string | object): PolicyToTry {
  const document = parsePolicy(source);
  return { version, document, policy: compilePolicy(document) };
}
