import { encodeRecord, type CallRecord } from '@conducktor/audit-log';
import { type Code, ConducktorError, newId } from '@conducktor/contracts';
import type { CallMetrics, Logger } from '@conducktor/runtime';
import type { CallFacts } from '@conducktor/telemetry';
import type { Vault } from '@conducktor/vault';
import type { BodyWriter } from '../journal/body-writer.js';
import type { Journal } from '../journal/journal.js';
import { placeOfArguments } from '../journal/kept-arguments.js';
import type { DenialCounter } from '../limits/denial-counter.js';
import { resourceMetadataUrl } from '../mcp/challenge.js';
import type { McpRequestContext, ToolCallAnswer } from '../mcp/ports.js';
import { logIds } from '../telemetry/call-observer.js';
import { failureFor, refusalAnswer, TOOL_CALL, unavailableAnswer } from './answers.js';
import { ApprovalGone, Refusal, StaleDecision, type KeptArguments } from './refusal.js';
import type { Caller } from './types.js';

export interface RefuseDeps {
  journal: Journal;
  denials: DenialCounter;
  vault: Vault;
  bodies: BodyWriter;
  publicUrl: string;
  logger: Logger;
  metrics: CallMetrics;
}

/**
 * How a call that was not sent is answered, and its record. A refusal that cannot be recorded is
 * answered as unavailable: even a "no" is evidence.
 */
export async function refuse(
  deps: RefuseDeps,
  error: unknown,
  context: McpRequestContext,
  method = TOOL_CALL,
): Promise<ToolCallAnswer> {
  const asked = { method, era: context.era };
  const metadataUrl = resourceMetadataUrl(deps.publicUrl, context.resourcePath);
  const end =
    error instanceof Refusal || error instanceof ConducktorError ? error.code : 'internal_error';
  deps.metrics.ended(end);
  context.timeline.facts = { end, ...(error instanceof Refusal && factsOf(error)) };
  if (error instanceof Refusal) {
    try {
      return refusalAnswer(error, await recordRefusal(deps, error), metadataUrl, asked);
    } catch (cause) {
      deps.logger.warn({ err: cause }, 'A refusal could not be recorded');
      return unavailableAnswer();
    }
  }
  if (error instanceof StaleDecision || error instanceof ApprovalGone) return unavailableAnswer();
  if (error instanceof ConducktorError) {
    if (error.code === 'unauthenticated')
      return refusalAnswer(
        new Refusal('unauthenticated', error.message),
        undefined,
        metadataUrl,
        asked,
      );
    // With a cause it is the database that is away, of which there is one sentence.
    if (error.code === 'governance_unavailable')
      return unavailableAnswer(error.cause === undefined ? error.message : undefined);
  }
  // A defect of ours: nothing was sent, or the worker reports its outcome late.
  deps.logger.error(
    { err: error, method, ...logIds(context.timeline) },
    'A call failed inside the gateway',
  );
  return failureFor(
    method,
    'internal_error',
    'This call failed inside the gateway. Try again, or show this to your administrator.',
    undefined,
  );
}

/** A tool is named by its client until it is found to be of a connection. */
function factsOf({ about }: Refusal): Omit<CallFacts, 'end'> {
  return {
    tenantId: about.caller?.workspace.tenantId,
    tool: about.connection === undefined ? undefined : about.toolName,
  };
}

/**
 * Refusals of names that need not be anything's, because who is frozen is told so before names are
 * looked at. Where a connection is named, it has what was asked for.
 */
const MADE_UP: ReadonlySet<Code> = new Set<Code>(['unknown_tool', 'not_found', 'frozen']);

/** Returns the id of the record; equal refusals in a row share one that says how many they were. */
export async function recordRefusal(
  deps: Pick<RefuseDeps, 'journal' | 'denials' | 'vault' | 'bodies'>,
  refusal: Refusal,
): Promise<string | undefined> {
  const { caller, toolName, connection, kept, limit, budget } = refusal.about;
  if (!caller) return undefined;
  const tenantId = caller.workspace.tenantId;
  // Names that a client makes up are all of one kind: with one each, a record each could be had.
  const named = MADE_UP.has(refusal.code) && connection === undefined ? undefined : toolName;
  const refusedBy = limit?.id ?? budget?.id;
  const kind = [tenantId, caller.member.id, caller.clientId, refusal.code, named, refusedBy].join(
    ' ',
  );
  const write = refusalWriter(deps.journal, caller, recordOf(refusal, caller));
  const writeOwn = async (callId: string) => {
    const { fields, body } = await keptArguments(deps, caller, callId, kept?.());
    await write(callId, 0, fields);
    if (body) deps.bodies.write(tenantId, callId, body);
  };
  return deps.denials.record(kind, () => newId('call'), {
    own: writeOwn,
    summed: write,
    ...(budget && {
      excess: budget.spentMicros + budget.heldMicros + budget.neededMicros - budget.limitMicros,
    }),
  });
}

type RefusalRecord = Omit<CallRecord, 'at'>;
type ArgumentFields = Partial<
  Pick<CallRecord, 'argumentsSize' | 'argumentsRedacted' | 'argumentsSealed' | 'argumentsIn'>
>;

/** Holds the record and no more of the call: what is to be summed waits in memory. */
function refusalWriter(journal: Journal, { workspace }: Caller, record: RefusalRecord) {
  const { tenantId, version } = workspace;
  return async (callId: string, repeated: number, fields: ArgumentFields = {}) => {
    await journal.admit({
      tenantId,
      // A denial is not refused for a newer version: it took nothing and let nothing pass.
      version,
      callId,
      admitted: false,
      reservedMicros: 0,
      deadlineMs: null,
      record: encodeRecord({
        at: new Date().toISOString(),
        ...record,
        ...fields,
        ...(repeated > 0 ? { repeated } : {}),
      }),
    });
  };
}

function recordOf({ about, code }: Refusal, caller: Caller): RefusalRecord {
  const { toolName, connection, rule, argumentsHash, approval, previewOf, limit, budget } = about;
  return {
    memberId: caller.member.id,
    actor: caller.actor,
    clientId: caller.clientId,
    ...(connection === undefined ? {} : { connection }),
    tool: toolName?.slice(0, 256) ?? '',
    decision: 'deny',
    code,
    ...(rule === undefined ? {} : { rule }),
    ...(argumentsHash === undefined ? {} : { argumentsHash }),
    ...(approval === undefined ? {} : { approval }),
    ...(previewOf === undefined ? {} : { previewOf }),
    ...(limit === undefined ? {} : { limit }),
    ...(budget === undefined ? {} : { budget }),
    sourceIp: caller.context.sourceIp,
  };
}

/** As with a call that is made: sealed under the person's key, small ones in the record, others beside it. */
async function keptArguments(
  { vault }: Pick<RefuseDeps, 'vault'>,
  { workspace, member }: Caller,
  callId: string,
  kept: KeptArguments | undefined,
): Promise<{ fields: ArgumentFields; body?: Buffer }> {
  if (!kept) return { fields: {} };
  const argumentsSize = kept.size;
  if (kept.json === undefined) return { fields: { argumentsSize } };
  const place = `call/${callId}`;
  const sealed = await vault.sealForSubject(workspace.tenantId, member.id, place, kept.json);
  const { fields, apart } = placeOfArguments(sealed);
  const redacted = kept.redacted ? { argumentsRedacted: true as const } : {};
  return { fields: { argumentsSize, ...redacted, ...fields }, ...(apart && { body: sealed }) };
}
