import type { CallResult } from '@conducktor/contracts';
import type { Workspace } from '../workspace/types.js';
import type { Workspaces } from '../workspace/workspaces.js';
import { connectionFrozen, whyFrozen, whyOut } from './right.js';
import type { CheckedCall } from './types.js';

/** What came of a call, and why it was told to stop, if it was. */
export type Outcome = CallResult & { stopped?: Stopped };

export interface Stopped {
  code: 'frozen' | 'cancelled';
  /** As a sentence without its end. */
  why: string;
}

interface Running {
  call: Pick<CheckedCall, 'caller' | 'tool' | 'input'>;
  controller: AbortController;
  stopped?: Stopped;
}

// The database cannot be asked who may still be here.
const ASK_AGAIN_MS = 250;

/**
 * The calls of this process that are at a worker, those included that wait there for a person. A call
 * whose member, key, grant, app or connection is not to go on any more is cancelled at the worker as
 * soon as its workspace says so; what came of it is recorded like any other outcome.
 */
export class RunningCalls {
  private readonly tenants = new Map<string, { calls: Set<Running>; leave: () => void }>();
  private readonly asking = new Set<NodeJS.Timeout>();

  constructor(private readonly workspaces: Pick<Workspaces, 'peek' | 'get' | 'onChange'>) {}

  get size(): number {
    let size = 0;
    for (const { calls } of this.tenants.values()) size += calls.size;
    return size;
  }

  /** `send` gives up when the signal that it gets aborts, or `signal` does. */
  async run(
    call: Running['call'],
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<CallResult>,
  ): Promise<Outcome> {
    const controller = new AbortController();
    if (signal?.aborted) controller.abort(signal.reason);
    // Both are of this request and go together.
    else signal?.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
    const running: Running = { call, controller };
    const { workspace } = call.caller;
    const { tenantId } = workspace;
    const { calls } = this.enter(tenantId, running);
    // What changed between the call's admission and this moment was told to nobody.
    if (this.workspaces.peek(tenantId) !== workspace) void this.check(tenantId);
    const isBack = call.input.context.place?.away();
    try {
      const result = await send(controller.signal);
      return running.stopped ? { ...result, stopped: running.stopped } : result;
    } finally {
      isBack?.();
      calls.delete(running);
      const tenant = this.tenants.get(tenantId);
      if (calls.size === 0 && tenant?.calls === calls) {
        this.tenants.delete(tenantId);
        tenant.leave();
      }
    }
  }

  stop(): void {
    for (const { leave } of this.tenants.values()) leave();
    this.tenants.clear();
    for (const timer of this.asking) clearTimeout(timer);
  }

  private enter(tenantId: string, running: Running): { calls: Set<Running> } {
    let tenant = this.tenants.get(tenantId);
    if (!tenant) {
      const leave = this.workspaces.onChange(tenantId, () => void this.check(tenantId));
      tenant = { calls: new Set(), leave };
      this.tenants.set(tenantId, tenant);
    }
    tenant.calls.add(running);
    return tenant;
  }

  private async check(tenantId: string): Promise<void> {
    let workspace: Workspace;
    try {
      workspace = this.workspaces.peek(tenantId) ?? (await this.workspaces.get(tenantId));
    } catch {
      const timer = setTimeout(() => {
        this.asking.delete(timer);
        if (this.tenants.has(tenantId)) void this.check(tenantId);
      }, ASK_AGAIN_MS).unref();
      this.asking.add(timer);
      return;
    }
    for (const running of this.tenants.get(tenantId)?.calls ?? []) {
      if (running.stopped) continue;
      const stopped = whyStopped(workspace, running.call);
      if (!stopped) continue;
      running.stopped = stopped;
      running.controller.abort(new Error(stopped.why));
    }
  }
}

function whyStopped(workspace: Workspace, { caller, tool }: Running['call']): Stopped | undefined {
  const out = whyOut(workspace, caller);
  if (out !== undefined) return { code: 'cancelled', why: out };
  const connection = workspace.connections.find(({ id }) => id === tool.connection.id);
  const frozen = whyFrozen(workspace, caller) ?? (connection && connectionFrozen(connection));
  return frozen === undefined ? undefined : { code: 'frozen', why: frozen };
}
