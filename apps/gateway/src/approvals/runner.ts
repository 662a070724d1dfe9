import { ConducktorError } from '@conducktor/contracts';
import { isAway } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { converse, type InteractionDeps } from '../interaction/converse.js';
import { price } from '../price/price.js';
import { admit, type AdmitDeps } from '../tool-call/admit.js';
import { wantsApproval } from '../tool-call/decide.js';
import { recordRefusal, type RefuseDeps } from '../tool-call/refuse.js';
import { ApprovalGone, Refusal, StaleDecision } from '../tool-call/refusal.js';
import type { McpRequestContext } from '../mcp/ports.js';
import type { Workspaces } from '../workspace/workspaces.js';
import { approved } from './approve.js';
import { boundOf, coversCost, coversDemands } from './binding.js';
import { endRequest, readRequest, type StoredCall } from './requests.js';
import { callOf, requesterOf, type StoredCallDeps } from './stored-call.js';

export interface RunnerDeps extends StoredCallDeps, AdmitDeps, InteractionDeps {
  workspaces: Workspaces;
  denials: RefuseDeps['denials'];
  logger: Logger;
  /** Looks at the made call as at one that a client made. */
  observe<Answer>(context: McpRequestContext, story: Promise<Answer>): Promise<Answer>;
}

const POLL_MS = 1_000;
// What requests are bound to is looked through by every so-manieth poll; making a call looks at it anyway.
const BOUND_EVERY = 5;
// Calls that one gateway makes for absent clients at a time; the others take the rest.
const MAX_RUNNING = 32;
// Of them those of one workspace: its slow upstreams hold up nobody else's approved calls.
const MAX_OF_WORKSPACE = 8;
// A workspace that changes faster than this many decisions in a row is left for the next poll.
const DECISIONS = 4;
// What fails again and again, for whatever reason, and for longer than a database needs to come back, is
// given up; its log lines say why.
const MOST_FAILURES = 5;
const FAILING_MS = 60_000;
// A call under way is not waited for longer: its worker keeps the outcome.
const STOP_MS = 5_000;

/**
 * Makes the calls that were approved to be made at once, whoever asked and wherever. Every gateway tries;
 * the tick lets one through. Its answer is kept sealed for the requester; nobody waits for it here.
 */
export class ApprovalRunner {
  readonly #running = new Map<string, { tenantId: string; made: Promise<void> }>();
  readonly #failures = new Map<string, { times: number; since: number }>();
  readonly #timer: NodeJS.Timeout;
  #polling = false;
  #again = false;
  #polls = 0;
  #stopped = false;

  constructor(private readonly deps: RunnerDeps) {
    this.#timer = setInterval(() => this.wake(), POLL_MS);
    this.#timer.unref();
  }

  /** Looks for approved calls now. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#polling) {
      this.#again = true;
      return;
    }
    this.#polling = true;
    void this.#poll()
      .catch((error: unknown) =>
        this.deps.logger.debug({ err: error }, 'Approved calls could not be looked for'),
      )
      .finally(() => {
        this.#polling = false;
        if (!this.#again) return;
        this.#again = false;
        this.wake();
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    const ended = Promise.allSettled([...this.#running.values()].map(({ made }) => made));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, STOP_MS)));
    await Promise.race([ended, late]);
    clearTimeout(timer);
  }

  async #poll(): Promise<void> {
    const lookThrough = this.#polls++ % BOUND_EVERY === 0;
    const { rows } = await this.deps.db.pool.query<{ tenantId: string; id: string }>(
      'select tenant_id as "tenantId", id from due_approvals($1, $2)',
      [2 * MAX_RUNNING, lookThrough],
    );
    for (const which of rows) {
      if (this.#stopped || this.#running.size >= MAX_RUNNING) return;
      if (this.#running.has(which.id) || this.#isFull(which.tenantId)) continue;
      const made = this.#make(which)
        .catch((error: unknown) => this.#failed(which, error))
        .finally(() => this.#running.delete(which.id));
      this.#running.set(which.id, { tenantId: which.tenantId, made });
    }
    // Nothing is due that has failed before.
    if (rows.length === 0) this.#failures.clear();
  }

  #isFull(tenantId: string): boolean {
    let own = 0;
    for (const running of this.#running.values()) if (running.tenantId === tenantId) own++;
    return own >= MAX_OF_WORKSPACE;
  }

  async #make(which: { tenantId: string; id: string }): Promise<void> {
    for (let decision = 1; decision <= DECISIONS; decision++) {
      const request = await readRequest(this.deps, which);
      if (request?.status !== 'approved') return;
      try {
        return await this.#makeOnce(request);
      } catch (error) {
        if (error instanceof ApprovalGone) return;
        if (error instanceof Refusal) {
          // Its client hears how the request ended; why is evidence as of any call.
          await recordRefusal(this.deps, error);
          return endRequest(this.deps, request, error.message);
        }
        if (!(error instanceof StaleDecision)) throw error;
        await this.deps.workspaces.refresh(error.workspace);
      }
    }
  }

  /** The story of a call, from who asks to its recorded outcome, with the requester away. */
  async #makeOnce(request: StoredCall): Promise<void> {
    const { deps } = this;
    const workspace = await deps.workspaces.get(request.tenantId);
    const caller = await requesterOf(deps, workspace, request);
    const { timeline } = caller.context;
    timeline.mark('decide');
    // Each has a signal of its own, which its listeners go with; nobody ends it.
    const { signal } = new AbortController();
    const decided = await callOf(deps, caller, request, signal);
    const call = price({ ...decided, withinLimits: true as const });
    // Where policy does not want approval any more, it has changed, and what was approved is void with it.
    if (!wantsApproval(call) || boundOf(call) !== request.bound)
      return endRequest(deps, request, 'What it was asked for has changed.');
    if (!coversDemands(request, call.decision.approvals))
      return endRequest(deps, request, 'More people have to approve it than were asked.');
    if (!coversCost(request, call))
      return endRequest(deps, request, 'It costs more now than when it was asked for.');
    timeline.mark('admit');
    const admitted = await admit(deps, approved(call, request));
    if ('attachedTo' in admitted) return;
    await deps.observe(caller.context, converse(deps, admitted));
  }

  /** It is tried again by the next poll, here or elsewhere. */
  async #failed(which: { tenantId: string; id: string }, error: unknown): Promise<void> {
    const { logger } = this.deps;
    if (
      isAway(error) ||
      (error instanceof ConducktorError && error.code === 'governance_unavailable')
    )
      return logger.debug({ err: error, ...which }, 'An approved call could not be recorded yet');
    logger.error({ err: error, ...which }, 'An approved call could not be made');
    const now = performance.now();
    const { times, since } = this.#failures.get(which.id) ?? { times: 0, since: now };
    this.#failures.set(which.id, { times: times + 1, since });
    if (times + 1 < MOST_FAILURES || now - since < FAILING_MS) return;
    this.#failures.delete(which.id);
    await endRequest(
      this.deps,
      which,
      'It could not be made, because of a fault inside the gateway.',
    ).catch(() => {});
  }
}
