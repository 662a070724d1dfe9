import {
  MANAGEMENT_CONNECTION,
  type CallRequest,
  type CallResult,
  type LateOutcome,
  type ResumeRequest,
  type WatchRequest,
} from '@conducktor/contracts';
import {
  rank,
  RpcClient,
  type CallOptions,
  type Watching,
  type WatchOptions,
} from '@conducktor/runtime';

export interface Workers {
  call(request: CallRequest, options: CallOptions): Promise<CallResult>;
  /**
   * Takes up a call that waits for replies. Only its own worker knows it; the others, asked where that
   * one seems not to be the first in rank any more, know nothing and do nothing.
   */
  resume(connectionId: string, request: ResumeRequest, options: CallOptions): Promise<CallResult>;
  /** Listens to a connection's upstream; never rejects. */
  watch(request: WatchRequest, options: WatchOptions): Promise<Watching>;
  /** Tells all workers which outcomes are durable. */
  committed(callIds: string[]): void;
  /** Whether a call would reach one, or one that restarts will soon be back. */
  readonly ready: boolean;
  close(): void;
}

// A worker that restarts is back within this; a call waits for it rather than fail at once.
const RECONNECT_WAIT_MS = 2_000;
// One that said it is stopping ends its calls first.
const LEAVING_WAIT_MS = 15_000;
const MAX_RANKS = 50_000;
const MAX_TURNS = 3;
const ALL_LEAVE = 'The connector worker is stopping; the call was not sent.';

/**
 * One framed connection to each worker; a connection's calls go to its highest ranked one. Another one to
 * the control plane, for calls of its own tools: whether it is there matters to nothing else.
 */
export function connectWorkers(options: {
  addresses: string[];
  /** Of the replicas of the control plane, any of which runs the management tools; none: nobody does. */
  control?: readonly string[] | undefined;
  key: Buffer;
  instanceId: string;
  onLate(outcomes: LateOutcome[]): void;
  /** Something that should not happen did, to one call or watch. */
  onFault?(error: unknown): void;
}): Workers {
  const dial = (address: string) => {
    const { key, instanceId, onLate, onFault } = options;
    return new RpcClient({ address, key, instanceId, onLate, onFault });
  };
  const clients = new Map(options.addresses.map((address) => [address, dial(address)]));
  const control = (options.control ?? []).map(dial);
  const ranks = new Map<string, RpcClient[]>();
  const ranked = (connectionId: string): RpcClient[] => {
    let list = ranks.get(connectionId);
    if (!list) {
      if (ranks.size >= MAX_RANKS) ranks.clear();
      list = rank(connectionId, options.addresses).map((address) => clients.get(address)!);
      ranks.set(connectionId, list);
    }
    return list;
  };

  const ready = (connectionId: string) => ranked(connectionId).find((client) => client.ready);
  const eventually = async (connectionId: string, timeoutMs: number): Promise<RpcClient> => {
    await anyReady(ranked(connectionId), timeoutMs);
    return ready(connectionId) ?? ranked(connectionId)[0]!;
  };

  const callOnce = (request: CallRequest, callOptions: CallOptions): Promise<CallResult> => {
    const { connectionId, timeoutMs } = request;
    if (connectionId === MANAGEMENT_CONNECTION && control.length > 0)
      return anyReady(control, timeoutMs).then((replica) => replica.call(request, callOptions));
    const client = ready(connectionId);
    if (client) return client.call(request, callOptions);
    return eventually(connectionId, timeoutMs).then((late) => late.call(request, callOptions));
  };
  /** A worker that is stopping did not begin it: any other may, or the same one when it is back. */
  const callElsewhere = async (
    request: CallRequest,
    callOptions: CallOptions,
  ): Promise<CallResult> => {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const result = await callOnce(request, callOptions);
      if (!isLeft(result, callOptions)) return result;
    }
    return { outcome: 'unavailable', message: ALL_LEAVE, durationMs: 0 };
  };
  return {
    call: (request, callOptions) =>
      callOnce(request, callOptions).then((result) =>
        isLeft(result, callOptions) ? callElsewhere(request, callOptions) : result,
      ),
    resume: async (connectionId, request, callOptions) => {
      const candidates = ranked(connectionId);
      await candidates[0]!.whenReady(RECONNECT_WAIT_MS);
      let first: CallResult | undefined;
      for (const client of candidates) {
        const result = await client.resume(request, callOptions);
        if (result.outcome !== 'unknown' && result.outcome !== 'unavailable') return result;
        first ??= result;
      }
      return first!;
    },
    watch: async (request, watchOptions) => {
      const client = ready(request.connectionId);
      const chosen = client ?? (await eventually(request.connectionId, request.timeoutMs));
      return chosen.watch(request, watchOptions);
    },
    committed: (callIds) => {
      for (const client of clients.values()) client.committed(callIds);
      for (const replica of control) replica.committed(callIds);
    },
    get ready() {
      return [...clients.values()].some((client) => client.ready || client.leaving);
    },
    close: () => {
      for (const client of clients.values()) client.close();
      for (const replica of control) replica.close();
    },
  };
}

function isLeft({ outcome }: CallResult, { signal }: CallOptions): boolean {
  return outcome === 'not_sent' && !signal?.aborted;
}

/** A replica that a call would leave to now, or after a moment; the first where none is there. */
async function anyReady(replicas: readonly RpcClient[], timeoutMs: number): Promise<RpcClient> {
  const ready = () => replicas.find((replica) => replica.ready);
  if (!ready()) {
    const patienceMs = replicas.some(({ leaving }) => leaving)
      ? LEAVING_WAIT_MS
      : RECONNECT_WAIT_MS;
    const waitMs = Math.min(patienceMs, timeoutMs);
    await Promise.race(replicas.map((replica) => replica.whenReady(waitMs)));
  }
  return ready() ?? replicas[0]!;
}
