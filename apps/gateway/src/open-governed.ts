import { randomUUID } from 'node:crypto';
import { encodeRecord } from '@conducktor/audit-log';
import { isCharged } from '@conducktor/budget';
import type { LateOutcome } from '@conducktor/contracts';
import { createDb } from '@conducktor/db';
import { createVerifier } from '@conducktor/identity';
import {
  callMetrics,
  connectRedis,
  deriveKey,
  type Logger,
  type Missing,
  type Registry,
} from '@conducktor/runtime';
import type { Tracer } from '@conducktor/telemetry';
import { createVault } from '@conducktor/vault';
import { answerAtOnce } from './approvals/answer-at-once.js';
import { ApprovalChanges } from './approvals/changes.js';
import { requestTask } from './approvals/request-task.js';
import { watchTask } from './approvals/watch-task.js';
import { ApprovalRunner, type RunnerDeps } from './approvals/runner.js';
import { Activity } from './activity/activity.js';
import type { GovernedDeps } from './governed.js';
import { HeldCalls } from './interaction/held-calls.js';
import { RequestStates } from './interaction/request-state.js';
import { BodyWriter } from './journal/body-writer.js';
import { Journal } from './journal/journal.js';
import { DenialCounter } from './limits/denial-counter.js';
import { limitProfiles } from './limits/gcra.js';
import { StrangerLimit } from './limits/stranger-limit.js';
import { TokenLeases } from './limits/token-leases.js';
import { listTools } from './list-tools/list-tools.js';
import { PageCache } from './lists/page-cache.js';
import type { GovernedMcp } from './mcp/ports.js';
import { OWN_TOOLS } from './management/tools.js';
import { arrive, introduce, limitOwn } from './own-requests.js';
import { Gate } from './overload/gate.js';
import { Previews } from './preview/previews.js';
import { request } from './request.js';
import { subscribe } from './subscriptions/subscribe.js';
import { watchLists } from './subscriptions/watch-lists.js';
import { Watches } from './subscriptions/watches.js';
import { Taints } from './taint/taints.js';
import { CallObserver } from './telemetry/call-observer.js';
import { processMetrics } from './telemetry/process-metrics.js';
import { TOOL_CALL } from './tool-call/answers.js';
import { TokenCache } from './tool-call/authenticate.js';
import { callTool } from './tool-call/call-tool.js';
import { SchemaCache } from './tool-call/check-arguments.js';
import { RunningCalls } from './tool-call/running-calls.js';
import { connectWorkers } from './workers/workers.js';
import { openWorkspaces } from './workspace/workspaces.js';

export interface GovernedOptions {
  publicUrl: string;
  databaseUrl: string;
  redisUrl: string;
  secretKey: string;
  workers: string[];
  /** host:port of the replicas of the control plane; without them there are no management tools. */
  controlRpc?: readonly string[] | undefined;
  ratePerMinute: number;
  /** Requests that may wait for this process; as many as come when left out. */
  maxWaiting?: number;
  logger: Logger;
  registry: Registry;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
  /** How long a call that needs approval is held for it; 25 s when left out. */
  approvalHoldMs?: number;
  /** How long what approvers are shown beside a call may take to be read; 10 s when left out. */
  previewReadMs?: number;
  /** For tests: one whose clock is given. */
  strangers?: StrangerLimit;
}

export interface Governed {
  mcp: GovernedMcp;
  /** Why calls cannot be served now. */
  missing(): readonly Missing[];
  gate: Gate;
  stop(): Promise<void>;
}

// Below the time after which the common clients give a call up.
const APPROVAL_HOLD_MS = 25_000;
// Below what `approval_preview.until` allows, with room for what it takes to be kept.
const PREVIEW_READ_MS = 10_000;

/** Wires the story of this process: journal, snapshots, limits, workers. Edges only, no decisions. */
export async function openGoverned(options: GovernedOptions): Promise<Governed> {
  const { logger } = options;
  const metrics = callMetrics(options.registry);
  const gateway = `gateway-${randomUUID()}`;
  const db = createDb(options.databaseUrl, { name: 'conducktor gateway', max: 12 });
  const redis = connectRedis(options.redisUrl, (error) =>
    logger.debug({ err: error }, 'Redis is away'),
  );
  const vault = createVault({ kek: deriveKey(options.secretKey, 'kek'), db });
  const workspaces = await openWorkspaces({
    db,
    ownTools: options.controlRpc === undefined ? [] : OWN_TOOLS,
  });

  const verifier = createVerifier({ db, publicUrl: options.publicUrl });
  const unfollowKeys = verifier.followKeys();

  const journal: Journal = new Journal({
    databaseUrl: options.databaseUrl,
    gateway,
    logger,
    onCommitted: (callIds) => workers.committed(callIds),
    metrics,
  });
  const workers = connectWorkers({
    addresses: options.workers,
    control: options.controlRpc,
    key: deriveKey(options.secretKey, 'rpc'),
    instanceId: gateway,
    onLate: (outcomes) => settleLate(journal, outcomes),
    onFault: (error) => logger.error({ err: error }, 'What a worker told could not be handled'),
  });
  const gate = new Gate({
    most: options.maxWaiting ?? Infinity,
    tickMs: () => journal.oldestWait.intentMs,
    onShed: (requests) =>
      logger.warn({ requests, waiting: gate.waiting }, 'Overloaded: requests were refused unread'),
  });
  const leases = new TokenLeases(redis);
  const denials = new DenialCounter();
  const bodies = new BodyWriter({ db, logger });
  const activity = new Activity({ db, logger });
  await journal.start();
  const runningCalls = new RunningCalls(workspaces);
  const { tracer, registry } = options;
  const observer = new CallObserver({ registry, logger, tracer });
  processMetrics(registry, {
    journal,
    runningCalls,
    gate,
    postgres: () => db.pool.query('select 1'),
    redis: () => redis.ping(),
  });

  const states = new RequestStates(deriveKey(options.secretKey, 'request-state'));
  const changes = new ApprovalChanges(db, () => runner.wake());
  const deps: GovernedDeps = {
    db,
    approvals: {
      changes,
      holdMs: options.approvalHoldMs ?? APPROVAL_HOLD_MS,
      run: () => runner.wake(),
      read: (call, asked) => previews.start(call, asked),
      answerAtOnce: (pending) => answerAtOnce({ publicUrl: options.publicUrl, states }, pending),
    },
    publicUrl: options.publicUrl,
    logger,
    metrics,
    verifier,
    workspaces,
    tokens: new TokenCache(),
    strangers: options.strangers ?? new StrangerLimit(),
    schemas: new SchemaCache(),
    leases,
    profiles: limitProfiles(options.ratePerMinute),
    journal,
    vault,
    bodies,
    workers,
    watches: new Watches(workers),
    states,
    held: new HeldCalls(),
    runningCalls,
    tracer,
    taints: new Taints(db),
    denials,
    pages: new PageCache(),
    cursorKey: deriveKey(options.secretKey, 'list-cursor'),
    answers: async (tenantId, keyHash) => {
      const { rows } = await db.pool.query<{ answer: string | null }>(
        'select answer from idempotent_answer($1, $2)',
        [tenantId, keyHash],
      );
      return rows[0]?.answer ?? undefined;
    },
    freeKey: async ({ tenantId, hash, callId }) => {
      const key = [[tenantId], [hash], [callId]];
      await db.pool
        .query('select free_idempotency_keys($1, $2, $3)', key)
        // It ends by itself, a day later.
        .catch((error: unknown) => logger.warn({ err: error }, 'A key could not be given back'));
    },
  };

  const madeHere: Pick<RunnerDeps, 'observe'> = {
    observe: (context, story) => observer.observe(TOOL_CALL, context, story),
  };
  const runner: ApprovalRunner = new ApprovalRunner({ ...deps, ...madeHere });
  const previews: Previews = new Previews({
    ...deps,
    ...madeHere,
    readMs: options.previewReadMs ?? PREVIEW_READ_MS,
  });
  const arrivalDeps = { ...deps, activity };

  return {
    mcp: {
      callTool: (input) => observer.observe(TOOL_CALL, input.context, callTool(deps, input)),
      listTools: (context) => listTools(deps, context),
      request: (input) => observer.observe(input.method, input.context, request(deps, input)),
      task: (input) => requestTask(deps, input),
      watchTask: (input) => watchTask(deps, input),
      subscribe: (input) => subscribe(deps, input),
      watchLists: (input) => watchLists(deps, input),
      limit: (context, what) => limitOwn(deps, context, what),
      introduce: (context) => introduce(deps, context),
      authenticate: async (context, look) => {
        const answer = await arrive(arrivalDeps, context, look);
        // Most were known when they came: nothing is hashed for them once more.
        if (answer.kind === 'caller' && !context.place?.isKnown)
          gate.learn(context.headers['authorization'], tenantOf(answer.principal));
        return answer;
      },
    },
    missing: () =>
      [
        !journal.ready && NO_EPOCH,
        !workspaces.current && STALE,
        !workers.ready && NO_WORKER,
      ].filter((one) => one !== false),
    gate,
    stop: async () => {
      gate.stop();
      await Promise.all([runner.stop(), previews.stop()]);
      await changes.stop();
      deps.watches.stop();
      deps.runningCalls.stop();
      await denials.stop().catch(() => {});
      await activity.stop();
      await bodies.stop();
      await journal.stop();
      workers.close();
      leases.stop();
      await workspaces.stop();
      await unfollowKeys();
      redis.disconnect();
      await db.end();
    },
  };
}

function tenantOf(principal: string): string {
  return principal.slice(0, principal.indexOf(' '));
}

const NO_EPOCH: Missing = {
  dependency: 'journal',
  reason: 'The database cannot be written right now, so no call is made.',
};
const STALE: Missing = {
  dependency: 'snapshots',
  reason: 'What has changed in workspaces cannot be read right now, so no call is decided.',
};
const NO_WORKER: Missing = {
  dependency: 'connector-worker',
  reason: 'No connector worker is reachable.',
};

/** Outcomes that a worker kept for a gateway that went away; settling one twice does nothing. */
function settleLate(journal: Journal, outcomes: LateOutcome[]): void {
  for (const late of outcomes) {
    const { costMicros = isCharged(late.outcome) ? 'reserved' : 0, ...charged } = late.charge ?? {};
    void journal.settle({
      key: late.key,
      tenantId: late.tenantId,
      callId: late.callId,
      costMicros,
      isUnknown: late.outcome === 'unknown' ? true : undefined,
      record: encodeRecord({
        at: new Date().toISOString(),
        outcome: late.outcome,
        durationMs: late.durationMs,
        resultSize: late.resultSize,
        ...charged,
      }),
    });
  }
}
