/**
 * What one stream listens to: changes of the caller's lists, of tasks of theirs, and the resources it
 * subscribed to. Every subscription was decided and recorded by the story; this only holds them and lets
 * them go together.
 */
import { setTimeout } from 'node:timers/promises';
import type {
  Challenge,
  ClientEvent,
  Failure,
  GovernedMcp,
  McpRequestContext,
  Subscription,
} from './ports.js';
import { shapedTask } from './tasks.js';

export interface ListenerNote {
  method: string;
  params?: Record<string, unknown>;
}

/** Refusals that may be over in a while; any other is for good. */
const PASSING: readonly unknown[] = [
  'rate_limited',
  'upstream_unavailable',
  'upstream_timeout',
  'outcome_unknown',
  'governance_unavailable',
  'internal_error',
];
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;

interface Held {
  /** What is said of it, also to whoever asks for it once more meanwhile. */
  made: Promise<Failure | Challenge | undefined>;
  /** Once it is granted. */
  subscription?: Subscription;
}

export class Listener {
  private readonly uris = new Map<string, Held>();
  /** Tried again until they are made, refused for good or given up. */
  private readonly again = new Set<string>();
  private readonly tasks = new Map<string, Subscription | 'over'>();
  private lists: Subscription | undefined;
  private closed = false;

  constructor(
    private readonly mcp: GovernedMcp,
    private readonly context: McpRequestContext,
    private readonly onEvent: (event: ClientEvent) => void,
  ) {}

  get subscribed(): readonly string[] {
    return [...this.uris.keys()];
  }

  /** Subscribed, or to be when that is possible again. */
  get wanted(): readonly string[] {
    return [...new Set([...this.uris.keys(), ...this.again])];
  }

  /** Also those that are over by now. */
  get watchedTasks(): readonly string[] {
    return [...this.tasks.keys()];
  }

  get openTasks(): number {
    return [...this.tasks.values()].filter((one) => one !== 'over').length;
  }

  /** `undefined` when it watches. */
  async watchLists(): Promise<Failure | Challenge | undefined> {
    const answer = await this.mcp.watchLists({
      context: this.context,
      onEvent: (event) => {
        if (!this.closed) this.onEvent(event);
      },
    });
    if (answer.kind !== 'watching') return answer;
    if (this.closed) answer.subscription.close();
    else this.lists = answer.subscription;
    return undefined;
  }

  /** `undefined` when it watches, until the task is over. */
  async watchTask(taskId: string): Promise<Failure | Challenge | undefined> {
    const answer = await this.mcp.watchTask({
      context: this.context,
      taskId,
      onTask: (task, over) => {
        if (this.closed) return;
        if (over) this.tasks.set(taskId, 'over');
        this.onEvent({ kind: 'task-changed', task, over });
      },
    });
    if (answer.kind !== 'watching') return answer;
    if (this.closed) answer.subscription.close();
    else if (!this.tasks.has(taskId)) this.tasks.set(taskId, answer.subscription);
    return undefined;
  }

  /** `undefined` when it is subscribed, again or for the first time. */
  subscribe(uri: string): Promise<Failure | Challenge | undefined> {
    const same = this.uris.get(uri);
    if (same) return same.made;
    const { promise, resolve } = Promise.withResolvers<Failure | Challenge | undefined>();
    const held: Held = { made: promise };
    // Taken before it is granted, so that a second request for it opens no second one.
    this.uris.set(uri, held);
    resolve(this.make(uri, held));
    return promise;
  }

  /** For what was subscribed before: a refusal that may pass is waited out, for as long as this listens. */
  async subscribeAgain(uri: string): Promise<'made' | 'refused' | 'given up'> {
    this.again.add(uri);
    try {
      for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
        const away = await this.subscribe(uri);
        if (!away) return 'made';
        // This stream ends soon; whoever opens the next one may come in again.
        if (away.kind === 'challenge' && away.status === 401) return 'given up';
        if (!mayPass(away)) return 'refused';
        const longer = away.kind === 'error' ? (away.retryAfterMs ?? 0) : 0;
        await setTimeout(Math.max(wait, longer), undefined, { ref: false });
        if (this.closed || !this.again.has(uri)) return 'given up';
      }
    } finally {
      this.again.delete(uri);
    }
  }

  unsubscribe(uri: string): void {
    this.again.delete(uri);
    this.uris.get(uri)?.subscription?.close();
    this.uris.delete(uri);
  }

  close(): void {
    this.closed = true;
    this.lists?.close();
    for (const one of this.tasks.values()) if (one !== 'over') one.close();
    this.tasks.clear();
    for (const { subscription } of this.uris.values()) subscription?.close();
    this.uris.clear();
    this.again.clear();
  }

  private async make(uri: string, held: Held): Promise<Failure | Challenge | undefined> {
    const letGo = () => this.uris.get(uri) === held && this.uris.delete(uri);
    let answer;
    try {
      answer = await this.mcp.subscribe({
        context: this.context,
        uri,
        onEvent: (event) => this.pass(uri, held, event),
      });
    } catch (error) {
      letGo();
      throw error;
    }
    if (answer.kind !== 'subscribed') {
      letGo();
      return answer;
    }
    // Unsubscribed or closed meanwhile, perhaps subscribed once more.
    if (this.closed || this.uris.get(uri) !== held) answer.subscription.close();
    else held.subscription = answer.subscription;
    return undefined;
  }

  private pass(uri: string, held: Held, event: ClientEvent): void {
    if (this.closed || this.uris.get(uri) !== held) return;
    if (event.kind === 'subscription-ended') this.unsubscribe(uri);
    this.onEvent(event);
  }
}

/** Whether the same may be granted in a while, or to the same person after the next sign-in. */
export function mayPass(away: Failure | Challenge): boolean {
  if (away.kind === 'challenge') return away.status === 401;
  const data = away.error.data as { _meta?: Record<string, unknown> } | undefined;
  return PASSING.includes(data?._meta?.['conducktor/code']);
}

/**
 * No revision has a notification for a subscription that ended. The client is told that the resource
 * changed: it reads it again, and hears why it may not or that it is gone.
 */
export function notificationOf(event: ClientEvent): ListenerNote {
  switch (event.kind) {
    case 'list-changed':
      return { method: `notifications/${event.list}/list_changed` };
    case 'task-changed':
      return { method: 'notifications/tasks', params: shapedTask(event.task) };
    default:
      return { method: 'notifications/resources/updated', params: { uri: event.uri } };
  }
}

export const EVERY_LIST = ['tools', 'prompts', 'resources'] as const;
