import { parseJsonExact } from '@conducktor/catalog';
import type { Vault } from '@conducktor/vault';
import type { TakenKey } from '../interaction/rounds.js';
import type { Workspaces } from '../workspace/workspaces.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { redacted } from '../redact/redacted.js';
import { handOver, type TaintDeps } from '../taint/hand-over.js';
import type { AttachedCall } from './admit.js';
import { failure } from './answers.js';
import type { Caller } from './types.js';

export interface AttachDeps extends TaintDeps {
  answers: IdempotentAnswers;
  /** Gives a key back under which no answer will be kept. */
  freeKey(key: TakenKey): Promise<void>;
  vault: Vault;
  workspaces: Workspaces;
}

/** Reads the sealed answer of an idempotency key: undefined while its call still runs. */
export type IdempotentAnswers = (tenantId: string, keyHash: string) => Promise<string | undefined>;

// Most calls end soon; one that waits for a person is not asked about twenty times a second.
const POLL_MS = { first: 25, most: 1_000 };

/**
 * The answer of the call that has the same idempotency key and arguments: the stored one, or the one
 * it gives before this caller's own time is over. Nothing is sent.
 */
export async function attach(deps: AttachDeps, attached: AttachedCall): Promise<ToolCallAnswer> {
  const { call, idempotencyHash } = attached;
  const { caller, tool, input } = call;
  const until = Date.now() + tool.connection.timeoutMs;
  for (let wait = POLL_MS.first; ; wait = Math.min(wait * 1.5, POLL_MS.most)) {
    const answer = await readAnswer(deps, caller, idempotencyHash);
    if (answer) {
      const recorded = { ...call, callId: attached.attachedTo };
      // It was redacted as the policy was then.
      return handOver(deps, recorded, redacted(deps, recorded, answer));
    }
    if (Date.now() >= until || input.signal.aborted) {
      return failure(
        'outcome_unknown',
        `The first call with this idempotency key has no known outcome yet. Ask about call ${attached.attachedTo} before you try again.`,
        attached.attachedTo,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** The answer that is kept under a key, by its hash; undefined: there is none, or none yet. */
export async function readAnswer(
  { answers, vault }: Pick<AttachDeps, 'answers' | 'vault'>,
  { workspace: { tenantId }, member }: Pick<Caller, 'workspace' | 'member'>,
  keyHash: string,
): Promise<ToolCallAnswer | undefined> {
  const sealed = await answers(tenantId, keyHash);
  if (sealed === undefined) return undefined;
  const bytes = await vault.openForSubject(
    tenantId,
    member.id,
    `answer/${keyHash}`,
    Buffer.from(sealed, 'base64'),
  );
  return parseJsonExact(bytes.toString()) as ToolCallAnswer;
}
