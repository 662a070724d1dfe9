import type { GovernedDeps } from '../governed.js';
import { ConducktorError, type UpstreamEvent, type WatchAnswer } from '@conducktor/contracts';
import type { ListenInput, Subscription } from '../mcp/ports.js';
import { toClientUri } from '../resources/uris.js';
import { lookUpSeen } from '../taint/look-up.js';
import { admit } from '../tool-call/admit.js';
import { authenticate } from '../tool-call/authenticate.js';
import { checkEntry } from '../tool-call/check-entry.js';
import { decide } from '../tool-call/decide.js';
import { entryOf } from '../tool-call/entries.js';
import { limitedBy } from '../tool-call/limit.js';
import { refuse } from '../tool-call/refuse.js';
import { Refusal, StaleDecision } from '../tool-call/refusal.js';
import { standing } from '../tool-call/standing.js';
import type { AllowedCall, Caller, CheckedCall } from '../tool-call/types.js';
import { viewFor } from '../tool-call/view-for.js';
import type { ConnectionEntry } from '../workspace/types.js';
import { oneAtATime } from './pace.js';
import { watchAdmitted } from './watch-admitted.js';
import type { WatchHandle } from './watches.js';

export const SUBSCRIBE = 'resources/subscribe';

// The database cannot be asked whether this is still allowed: nothing is told meanwhile.
const ASK_AGAIN_MS = 1_000;
// Resources below the one subscribed whose updates wait to be told; what is beyond is told as that one.
const MAX_WAITING = 100;

const NEVER = new AbortController().signal;

/** What is decided on, the first time and every other. */
export function checkSubscription(
  caller: Caller,
  connection: ConnectionEntry,
  uri: string,
): CheckedCall {
  const entry = entryOf(connection, SUBSCRIBE);
  const input = { context: caller.context, signal: NEVER };
  return checkEntry(caller, { method: SUBSCRIBE, entry, arguments: { uri }, name: uri }, input);
}

/** One resource that a client hears of, until it closes it or may not have it any more. */
export class ResourceSubscription implements Subscription {
  #handle: { revision: number; watch: WatchHandle };
  readonly #stopListening: () => void;
  readonly #check: () => void;
  /** Upstream URIs to tell of, once it is known that they may still be told. */
  readonly #updated = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #open = false;
  #closed = false;

  constructor(
    private readonly deps: GovernedDeps,
    private readonly input: ListenInput & { uri: string },
    caller: Caller,
    connection: ConnectionEntry,
    private readonly uri: string,
  ) {
    this.#connectionId = connection.id;
    this.#check = oneAtATime(() => this.#decideAgain());
    this.#handle = { revision: connection.revision, watch: this.#watch(caller, connection) };
    this.#stopListening = deps.workspaces.onChange(caller.workspace.tenantId, () => this.#check());
  }

  readonly #connectionId: string;

  get answer(): Promise<WatchAnswer> {
    return this.#handle.watch.answer;
  }

  /** From now on the client is told. */
  open(): void {
    this.#open = true;
    // What happened meanwhile, to the resource or to the workspace, is told after the client's answer.
    setImmediate(this.#check);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stopListening();
    this.#handle.watch.close();
  }

  #watch(caller: Caller, connection: ConnectionEntry): WatchHandle {
    return this.deps.watches.resource(caller, connection, this.uri, {
      onEvent: (event) => this.#heard(event),
      onRefused: (reason) => this.#end(reason),
    });
  }

  #heard(event: UpstreamEvent): void {
    if (event.kind === 'list-changed') return;
    const uri = event.kind === 'gap' ? this.uri : event.uri;
    this.#updated.add(this.#updated.size < MAX_WAITING ? uri : this.uri);
    if (this.#open) this.#check();
  }

  #end(reason: string): void {
    if (this.#closed || !this.#open) return;
    this.close();
    this.input.onEvent({ kind: 'subscription-ended', uri: this.input.uri, reason });
  }

  /** Whether this person may still have it, by the workspace as it is now; then tells what has waited. */
  async #decideAgain(): Promise<void> {
    if (this.#closed || !this.#open) return;
    try {
      const caller = await authenticate(this.deps, this.input.context, SUBSCRIBE);
      const view = viewFor(caller);
      const connection = view.connections.find(({ id }) => id === this.#connectionId);
      if (!connection || standing(caller, connection, SUBSCRIBE, this.uri) === 'unknown')
        return this.#end('There is no such resource here any more.');
      const checked = checkSubscription(caller, connection, this.uri);
      await this.#follow(decide(await lookUpSeen(this.deps, checked)));
      for (const uri of this.#updated) {
        this.#updated.delete(uri);
        const shown = uri === this.uri ? this.input.uri : toClientUri(view, connection, uri);
        if (!this.#closed) this.input.onEvent({ kind: 'resource-updated', uri: shown });
      }
    } catch (error) {
      if (error instanceof StaleDecision) {
        await this.deps.workspaces.refresh(error.workspace);
        return this.#check();
      }
      if (error instanceof ConducktorError && error.code === 'governance_unavailable') {
        // One timer, however many events come while the database is away.
        clearTimeout(this.#retry);
        this.#retry = setTimeout(this.#check, ASK_AGAIN_MS).unref();
        return;
      }
      // Recorded like any other refusal.
      await refuse(this.deps, error, this.input.context, SUBSCRIBE);
      this.#end(
        error instanceof Refusal || error instanceof ConducktorError
          ? error.message
          : 'This subscription failed inside the gateway.',
      );
    }
  }

  /**
   * A connection that was written anew is watched anew, and may have other contents. It may lead to
   * another server, so that is recorded as the first time was; the client asked once and was limited then.
   */
  async #follow(allowed: AllowedCall): Promise<void> {
    const { caller, tool } = allowed;
    const { connection } = tool;
    if (connection.revision === this.#handle.revision || this.#closed) return;
    const admitted = await admit(this.deps, limitedBy({ caller, withinLimits: true }, allowed));
    // Only a call with an idempotency key is attached to another one.
    if ('attachedTo' in admitted) return;
    const ended = watchAdmitted(this.deps, admitted, async () => {
      if (this.#closed) return { ok: false, message: 'The subscription was closed.' };
      const before = this.#handle.watch;
      this.#handle = { revision: connection.revision, watch: this.#watch(caller, connection) };
      before.close();
      this.#updated.add(this.uri);
      return this.#handle.watch.answer;
    });
    ended.catch((error: unknown) =>
      this.deps.logger.error({ err: error }, 'What came of a subscription could not be settled'),
    );
  }
}
