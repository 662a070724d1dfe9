import { ConducktorError, type KeptPreview, type PreviewSide } from '@conducktor/contracts';
import type { StoredCall } from '../approvals/requests.js';
import { requesterOf, type StoredCallDeps } from '../approvals/stored-call.js';
import { presentOutcome, type InteractionDeps } from '../interaction/converse.js';
import type { McpRequestContext, ToolCallAnswer } from '../mcp/ports.js';
import { price } from '../price/price.js';
import { taintsOf } from '../taint/hand-over.js';
import { lookUpSeen } from '../taint/look-up.js';
import { admit, type AdmitDeps } from '../tool-call/admit.js';
import { checkArguments } from '../tool-call/check-arguments.js';
import { aboutRefused, decideTool, wantsApproval } from '../tool-call/decide.js';
import { dispatch } from '../tool-call/dispatch.js';
import { limit, type LimitDeps, type TokensInHand } from '../tool-call/limit.js';
import { Refusal, StaleDecision } from '../tool-call/refusal.js';
import { recordRefusal, type RefuseDeps } from '../tool-call/refuse.js';
import { resolve } from '../tool-call/resolve.js';
import { settle } from '../tool-call/settle.js';
import type { AdmittedCall } from '../tool-call/types.js';
import type { Tool } from '../workspace/types.js';
import type { Workspaces } from '../workspace/workspaces.js';
import { fillArguments } from './fill-arguments.js';
import { NoPreview } from './no-preview.js';
import { readable } from './readable.js';
import { toolToRead } from './tool-to-read.js';

export interface MakePreviewDeps
  extends StoredCallDeps, LimitDeps, AdmitDeps, InteractionDeps, RefuseDeps {
  workspaces: Workspaces;
  /** How long one read may take, from its decision to its answer, in milliseconds. */
  readMs: number;
  /** Looks at the call as at one that a client made. */
  observe<Answer>(context: McpRequestContext, story: Promise<Answer>): Promise<Answer>;
}

/** A request that waits, with the arguments of its call. */
export interface AskedCall {
  request: StoredCall;
  arguments: Readonly<Record<string, unknown>>;
}

// A workspace that changes faster than this many decisions in a row is not read for.
const DECISIONS = 4;

/** What there is to show of one side, or why there is nothing; `labels`: what a reader of it is given. */
export type Preview = KeptPreview & { labels: readonly string[] };

/**
 * Reads one side of a call that waits: a call of its own, by the requester and with their rights, through
 * the steps of any other. What they may not call, or only with approval, is not called. Never rejects.
 */
export async function makePreview(
  deps: MakePreviewDeps,
  asked: AskedCall,
  side: PreviewSide,
  stopped: AbortSignal,
): Promise<Preview> {
  const late = AbortSignal.timeout(deps.readMs);
  const signal = AbortSignal.any([late, stopped]);
  const inHand: TokensInHand = {};
  for (let decision = 1; ; decision++) {
    try {
      return await readOnce(deps, asked, side, { signal, late, inHand });
    } catch (error) {
      if (error instanceof StaleDecision && decision < DECISIONS)
        await deps.workspaces.refresh(error.workspace).catch(() => {});
      else return { reason: await whyNot(deps, asked, error), labels: [] };
    }
  }
}

async function readOnce(
  deps: MakePreviewDeps,
  { request, arguments: args }: AskedCall,
  side: PreviewSide,
  { signal, late, inHand }: { signal: AbortSignal; late: AbortSignal; inHand: TokensInHand },
): Promise<Preview> {
  const workspace = await deps.workspaces.get(request.tenantId);
  const caller = await requesterOf(deps, workspace, request);
  const { context } = caller;
  const { connection, preview } = askedTool([...workspace.tools.values()], request);
  const read = preview?.[side];
  if (!read) throw new NoPreview('The preview of this tool was changed meanwhile.');
  const name = toolToRead(caller, connection, read);
  context.timeline.mark('resolve');
  const target = resolve(caller, name);
  context.timeline.mark('arguments');
  const argumentsValue = fillArguments(read.arguments, args);
  const checked = checkArguments(deps, target, { context, name, argumentsValue, signal });
  context.timeline.mark('decide');
  const decided = decideTool(await lookUpSeen(deps, { ...checked, previewOf: request.id }));
  if (wantsApproval(decided))
    throw new Refusal(
      'approval_required',
      `Its own call would need approval, by the rule "${decided.decision.ruleId}".`,
      aboutRefused(decided, decided.decision.ruleId),
    );
  context.timeline.mark('limit');
  const priced = price(await limit(deps, decided, inHand));
  context.timeline.mark('admit');
  const admitted = await admit(deps, priced);
  if ('attachedTo' in admitted) throw new Error('A preview has no key to be attached by.');
  const { answer, isGiven } = await deps.observe(context, made(deps, admitted));
  const labels = taintsOf(target.tool);
  if (late.aborted && !isGiven)
    return { reason: `${name} did not answer within ${deps.readMs / 1_000} s.`, labels };
  return { ...readable(answer, name), labels };
}

/**
 * As in `converse`, but that nothing is handed over: no client is given it, so none is tainted (ADR 0025),
 * and its upstream has nobody to ask.
 */
async function made(
  deps: MakePreviewDeps,
  call: AdmittedCall,
): Promise<{ answer: ToolCallAnswer; isGiven: boolean }> {
  const { timeline } = call.input.context;
  timeline.mark('dispatch');
  const outcome = await dispatch(deps, call);
  timeline.mark('settle');
  const answer = presentOutcome(deps, call, outcome);
  await settle(deps, call, outcome, answer);
  return { answer, isGiven: (outcome.resultJson ?? outcome.error) !== undefined };
}

function askedTool(tools: readonly Tool[], { toolId }: StoredCall): Tool {
  const tool = tools.find(({ id }) => id === toolId);
  if (!tool) throw new NoPreview('The tool that waits for approval is not there any more.');
  return tool;
}

/** A sentence for approvers; what was refused is recorded as any refusal is. */
async function whyNot(
  deps: MakePreviewDeps,
  { request }: AskedCall,
  error: unknown,
): Promise<string> {
  if (error instanceof NoPreview) return error.message;
  if (error instanceof Refusal) {
    const { code, message, about } = error;
    deps.metrics.ended(code);
    const refusal = new Refusal(code, message, { ...about, previewOf: request.id });
    try {
      await recordRefusal(deps, refusal);
    } catch (cause) {
      deps.logger.warn({ err: cause }, 'A refusal could not be recorded');
    }
    return `${about.toolName ?? 'The tool that it is read with'} was not called. ${message}`;
  }
  if (error instanceof StaleDecision)
    return 'The workspace was being changed when it was to be read.';
  if (error instanceof ConducktorError) return error.message;
  deps.logger.error({ err: error, approval: request.id }, 'A preview failed inside the gateway');
  return 'It failed inside the gateway.';
}
