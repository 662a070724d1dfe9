import { charge, chargeOfUnquoted } from '@conducktor/budget';
import type { CallRequest, CallResult, ResumeRequest } from '@conducktor/contracts';
import { type Logger, type Outcomes, RecentIds, type RpcExchange } from '@conducktor/runtime';
import type { Tracer } from '@conducktor/telemetry';
import type { ConnectionLoader } from '../connections/connection-loader.js';
import { failureWithoutSecrets, resultWithoutSecrets } from '../connections/without-secrets.js';
import {
  type ConnectionKind,
  type Connector,
  type LoadedConnection,
  UpstreamFailure,
} from '../connector.js';
import type { CallObserver } from '../telemetry/call-observer.js';
import { CallTrace } from '../telemetry/call-trace.js';
import { Lane } from './lane.js';
import { RunningCall } from './running-call.js';

export interface CallExecutorDeps {
  loader: ConnectionLoader;
  connectors: Readonly<Record<ConnectionKind, Connector>>;
  outcomes: Outcomes;
  logger: Logger;
  /** Calls at one connection at once, by kind. */
  concurrency: Readonly<Record<ConnectionKind, number>>;
  /** Absent: nothing is counted. */
  observer?: CallObserver | undefined;
  /** Absent: nothing is traced, and the upstream is told of the gateway's span. */
  tracer?: Tracer | undefined;
}

const MAX_WAITING = 2_000;
const MAX_LANES = 20_000;

/** Makes calls: each id once, within the limits of its connection, with every outcome kept. */
export class CallExecutor {
  readonly #running = new Map<string, RunningCall>();
  readonly #recent = new RecentIds();
  readonly #lanes = new Map<string, Lane>();
  #draining = false;

  constructor(private readonly deps: CallExecutorDeps) {}

  get inFlight(): number {
    return this.#running.size;
  }

  /** Whether each connection's breaker is open now. */
  *breakers(): Generator<readonly [connectionId: string, isOpen: boolean]> {
    const now = Date.now();
    for (const [key, lane] of this.#lanes)
      yield [key.slice(key.indexOf('/') + 1), lane.breaker.isOpen(now)];
  }

  call(request: CallRequest, exchange: RpcExchange): Promise<CallResult> {
    const running = this.#running.get(request.callId);
    if (running) return running.result;
    // Its intent is in the journal once, so it acts once, also when it is asked for twice.
    if (this.#recent.has(request.callId)) {
      return Promise.resolve({
        outcome: 'unknown',
        message: 'This call was made before and is not repeated; its result is no longer here.',
        durationMs: 0,
      });
    }
    if (this.#draining)
      return Promise.resolve({
        outcome: 'not_sent',
        message: 'The connector worker is stopping; the call was not sent.',
        durationMs: 0,
      });
    this.#recent.add(request.callId);

    const loaded = this.deps.loader.peek(request.tenantId, request.connectionId, request.revision);
    const context = this.deps.tracer?.continue(request.traceparent);
    const trace = context && new CallTrace(context);
    const call = new RunningCall(request, exchange, loaded?.slug ?? 'The connection', trace);
    this.#running.set(request.callId, call);
    if (loaded) this.#enter(loaded, call);
    else {
      this.deps.loader.load(request.tenantId, request.connectionId, request.revision).then(
        (connection) => this.#enter(connection, call),
        (error: unknown) => this.#failed(call, request, error),
      );
    }
    return call.result.then((result) => {
      this.#leave(call, result);
      this.#running.delete(request.callId);
      this.deps.observer?.ended(request, trace, result);
      const { key, callId, tenantId, quote } = request;
      const resultSize = result.resultJson === undefined ? 0 : Buffer.byteLength(result.resultJson);
      // By whoever settles it: a result is not kept, so what it costs is found here.
      const charged = quote ? charge(quote, result) : chargeOfUnquoted(result);
      this.deps.outcomes.keep(
        {
          key,
          callId,
          tenantId,
          outcome: result.outcome,
          durationMs: result.durationMs,
          resultSize,
          ...(charged && { charge: charged }),
        },
        exchange.peer,
      );
      return result;
    });
  }

  /**
   * Gives a waiting call the replies of its client, who may have come to another gateway. The first
   * one still hears the result; the outcome is kept for it.
   */
  resume(request: ResumeRequest, exchange: RpcExchange): Promise<CallResult> {
    const call = this.#running.get(request.callId);
    if (!call?.belongsTo(request.tenantId, request.memberId)) {
      return Promise.resolve({
        outcome: 'unknown',
        message: 'This call does not wait for an answer any more; whether it acted is not known.',
        durationMs: 0,
      });
    }
    call.takeUp(exchange, request.replies);
    return call.result;
  }

  /** Takes no new calls and waits for those under way. */
  async drain(limitMs: number): Promise<void> {
    this.#draining = true;
    const until = performance.now() + limitMs;
    while (this.#running.size > 0 && performance.now() < until) {
      for (const call of this.#running.values()) call.leaveUnanswered();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #enter(connection: LoadedConnection, call: RunningCall): void {
    if (call.finished) return;
    const lane = this.#laneOf(connection);
    const { tenantId, id, revision } = connection;
    // The connection may have been changed meanwhile: the old one's process and sessions, begun again,
    // would end the new one's.
    const turn = (): void =>
      this.#run(lane, this.deps.loader.peek(tenantId, id, revision) ?? connection, call);
    const taken = lane.slots.take(turn);
    if (taken) return this.#run(lane, connection, call);
    if (taken === undefined)
      return call.fail(
        new UpstreamFailure(
          'unavailable',
          `Too many calls wait for ${connection.slug}; this one was not sent.`,
        ),
      );
    void call.result.then(() => lane.slots.leave(turn));
  }

  #run(lane: Lane, connection: LoadedConnection, call: RunningCall): void {
    if (call.finished) return lane.leave(false);
    const rest = lane.breaker.admit(Date.now());
    if (rest > 0) {
      lane.leave(false);
      return call.fail(
        new UpstreamFailure(
          'unavailable',
          `${connection.slug} failed several times in a row and is left alone for ${Math.ceil(rest / 1000)} s; the call was not sent.`,
        ),
      );
    }
    call.lane = lane;
    call.connection = connection;
    try {
      this.deps.connectors[connection.kind].call(connection, call).then(
        (result) => call.finish(resultWithoutSecrets(result, connection)),
        (error: unknown) => call.fail(failureWithoutSecrets(error, connection)),
      );
    } catch (error) {
      // A connector that throws at once: the connection as it stands cannot be used.
      call.lane = undefined;
      lane.breaker.neither();
      lane.leave(false);
      call.fail(error);
    }
  }

  /** Gives back what the call was given: it has ended. */
  #leave(call: RunningCall, { outcome }: CallResult): void {
    const { lane } = call;
    if (!lane) return;
    if (outcome === 'ok' || outcome === 'error') lane.breaker.succeeded();
    else if (outcome === 'cancelled' || outcome === 'not_sent' || call.asking)
      lane.breaker.neither();
    else lane.breaker.failed(Date.now());
    lane.leave(call.asking);
  }

  #failed(call: RunningCall, request: CallRequest, error: unknown): void {
    const { tenantId, connectionId } = request;
    const cause = error instanceof UpstreamFailure ? error.cause : error;
    if (cause)
      this.deps.logger.warn(
        { err: cause, tenantId, connectionId },
        'A connection could not be loaded',
      );
    call.fail(error);
  }

  #laneOf(connection: LoadedConnection): Lane {
    const key = `${connection.tenantId}/${connection.id}`;
    let lane = this.#lanes.get(key);
    if (!lane) {
      if (this.#lanes.size >= MAX_LANES) this.#dropIdleLanes();
      lane = new Lane(this.deps.concurrency[connection.kind], MAX_WAITING);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #dropIdleLanes(): void {
    for (const [key, lane] of this.#lanes) if (lane.idle) this.#lanes.delete(key);
  }
}
