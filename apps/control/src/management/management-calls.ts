import type { CallRequest, CallResult } from '@conducktor/contracts';
import { type Outcomes, RecentIds, type RpcExchange } from '@conducktor/runtime';
import type { Control } from '../control.js';
import { HANDLERS } from './handlers.js';
import { runCall } from './run-call.js';

/** Runs each call id once, within its deadline, with every outcome kept until a gateway has it. */
export class ManagementCalls {
  readonly #running = new Map<string, Promise<CallResult>>();
  readonly #recent = new RecentIds();
  #draining = false;

  constructor(
    private readonly control: Control,
    private readonly outcomes: Outcomes,
  ) {}

  call(request: CallRequest, exchange: RpcExchange): Promise<CallResult> {
    const { callId } = request;
    const running = this.#running.get(callId);
    if (running) return running;
    if (this.#recent.has(callId)) return Promise.resolve(REPEATED);
    if (this.#draining) return Promise.resolve(STOPPING);
    this.#recent.add(callId);
    const result = this.#run(request, exchange).then((ended) => {
      this.#running.delete(callId);
      this.#keep(request, ended, exchange);
      return ended;
    });
    this.#running.set(callId, result);
    return result;
  }

  /** Takes no new calls and waits for those under way, each of which has a deadline. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all(this.#running.values());
  }

  /** A write is not interrupted when its client gives up: its answer says what became of it. */
  async #run(request: CallRequest, exchange: RpcExchange): Promise<CallResult> {
    const startedAt = performance.now();
    const { promise: ended, resolve: end } = Promise.withResolvers<CallResult>();
    const early = (outcome: 'timeout' | 'cancelled') =>
      end({ outcome, durationMs: performance.now() - startedAt });
    const timer = setTimeout(() => early('timeout'), request.timeoutMs);
    if (HANDLERS.get(request.name)?.tool.class === 'read')
      exchange.onCancel = () => early('cancelled');
    try {
      return await Promise.race([runCall(this.control, request), ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  #keep({ key, callId, tenantId }: CallRequest, result: CallResult, { peer }: RpcExchange): void {
    const { outcome, durationMs, resultJson } = result;
    const resultSize = resultJson === undefined ? 0 : Buffer.byteLength(resultJson);
    this.outcomes.keep({ key, callId, tenantId, outcome, durationMs, resultSize }, peer);
  }
}

const REPEATED: CallResult = { outcome: 'unknown', durationMs: 0 };
// Nothing was begun: the gateway goes to another replica.
const STOPPING: CallResult = { outcome: 'not_sent', durationMs: 0 };
