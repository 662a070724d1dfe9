import { SubscriptionRefused, UpstreamFailure } from '../connector.js';
import { isObject, type Message, notificationText, requestText } from '../mcp/messages.js';
import { METHOD_NOT_FOUND, MODERN_META } from '../mcp/versions.js';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

interface Listen {
  name: string;
  agreed: boolean;
  acknowledge(filter: Record<string, unknown>): void;
  refuse(error: Error): void;
}

/** `subscriptions/listen` of 2026-07-28 on standard streams: requests that stay open until they are cancelled. */
export class Listens {
  readonly #open = new Map<number, Listen>();

  constructor(
    private readonly deps: {
      nextId: () => number;
      write: (text: string) => boolean;
      /** The server ended one that it had agreed to. */
      onEnded: (name: string) => void;
    },
  ) {}

  /** Resolves when the server has agreed; `name` is a URI, which the server must not have left out, or ''. */
  open(notifications: Record<string, unknown>, name: string, ms: number): Promise<void> {
    const id = this.deps.nextId();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#cancel(id);
        reject(new UpstreamFailure('unavailable', 'The server did not answer in time.'));
      }, ms);
      this.#open.set(id, {
        name,
        agreed: false,
        acknowledge: (filter) => {
          clearTimeout(late);
          const heard = filter['resourceSubscriptions'];
          if (name === '' || (Array.isArray(heard) && heard.includes(name))) return resolve();
          this.#cancel(id);
          reject(
            new SubscriptionRefused({
              code: METHOD_NOT_FOUND,
              message: 'The server does not offer subscriptions to this resource.',
            }),
          );
        },
        refuse: (error) => {
          clearTimeout(late);
          reject(error);
        },
      });
      const params = JSON.stringify({ notifications, _meta: MODERN_META });
      if (!this.deps.write(requestText(id, 'subscriptions/listen', params)))
        this.#refuse(id, new UpstreamFailure('unavailable', 'The server is not running.'));
    });
  }

  close(name: string): void {
    for (const [id, listen] of this.#open) if (listen.name === name) this.#cancel(id);
  }

  acknowledged(params: Record<string, unknown>): void {
    const { _meta: meta, notifications } = params;
    const id = isObject(meta) ? meta[SUBSCRIPTION_ID] : undefined;
    const listen = typeof id === 'number' ? this.#open.get(id) : undefined;
    if (!listen) return;
    listen.agreed = true;
    listen.acknowledge(isObject(notifications) ? notifications : {});
  }

  /** False when nobody listens under this id. */
  answered(message: Extract<Message, { kind: 'result' | 'error' }>): boolean {
    const id = message.id as number;
    const listen = this.#open.get(id);
    if (!listen) return false;
    this.#refuse(
      id,
      message.kind === 'error'
        ? new SubscriptionRefused(message.error)
        : new UpstreamFailure('protocol', 'The server ended the subscription.'),
    );
    if (listen.agreed) this.deps.onEnded(listen.name);
    return true;
  }

  /** The process is gone. */
  end(): void {
    for (const id of this.#open.keys())
      this.#refuse(id, new UpstreamFailure('unavailable', 'The server ended.'));
  }

  #refuse(id: number, error: Error): void {
    const listen = this.#open.get(id);
    this.#open.delete(id);
    listen?.refuse(error);
  }

  #cancel(id: number): void {
    if (!this.#open.delete(id)) return;
    this.deps.write(notificationText('notifications/cancelled', { requestId: id }));
  }
}
