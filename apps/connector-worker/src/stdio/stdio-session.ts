import type { CallResult, UpstreamServer } from '@conducktor/contracts';
import {
  type ListName,
  type Offer,
  type OutgoingCall,
  SubscriptionRefused,
  UpstreamFailure,
} from '../connector.js';
import { callParams } from '../mcp/call-params.js';
import { answerRequest, changedList, relayNotification } from '../mcp/during-call.js';
import { initialized, initializeParams } from '../mcp/handshake.js';
import { listAllTools } from '../mcp/list-tools.js';
import { type Message, notificationText, readMessages, requestText } from '../mcp/messages.js';
import { callResultOf, MAX_RESULT_BYTES, tooLarge } from '../mcp/results.js';
import { serverOf } from '../mcp/server-info.js';
import { MODERN_META, MODERN_VERSION, modernMeta } from '../mcp/versions.js';
import { Attribution, SHARED } from './attribution.js';
import { lastWords } from './last-words.js';
import type { LaunchPlan } from './launch-plan.js';
import { Listens } from './listens.js';
import type { Sandbox } from './sandbox.js';
import { ServerProcess } from './server-process.js';

type Answer = Extract<Message, { kind: 'result' | 'error' }> | { kind: 'too-large' };

interface Waiting {
  call: OutgoingCall | undefined;
  resolve(answer: Answer): void;
  reject(error: UpstreamFailure): void;
}

/** What nobody waits for; more of it within the window than this is a flood. */
const FLOOD = { messages: 20_000, characters: 64 * 1024 * 1024, windowMs: 10_000 };
const UNSUBSCRIBE_MS = 5_000;
const SET_LEVEL_MS = 10_000;

export interface StdioSessionOptions {
  plan: LaunchPlan;
  sandbox: Sandbox;
  handshakeMs: number;
  secrets: string[];
  onEnd(reason: string): void;
  onListChanged(list: ListName): void;
  onUpdated(params: Record<string, unknown>): void;
  /** The server does not tell of a resource any more that it had agreed to tell of. */
  onSilenced(): void;
}

/** MCP over the standard streams of one process: handshake, requests by id, the server's own requests. */
export class StdioSession {
  readonly #process: ServerProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #attribution = new Attribution();
  readonly #listens: Listens;
  #lastId = 0;
  #modern = false;
  #server: UpstreamServer = { protocolVersion: '', capabilities: {} };
  #logLevel: string | undefined;
  #ended: string | undefined;
  #strays = { messages: 0, characters: 0, since: 0 };

  private constructor(private readonly options: StdioSessionOptions) {
    this.#process = new ServerProcess(options.plan, options.sandbox, {
      onLine: (text) => this.#onLine(text),
      onOverlong: (head, tail) => this.#onOverlong(head, tail),
      onExit: (reason) => this.#onExit(reason),
    });
    this.#listens = new Listens({
      nextId: () => ++this.#lastId,
      write: (text) => this.#ended === undefined && this.#process.write(text),
      onEnded: (uri) => uri !== '' && options.onSilenced(),
    });
  }

  /** Starts the process and shakes hands; rejects with UpstreamFailure and leaves no process behind. */
  static async start(options: StdioSessionOptions): Promise<StdioSession> {
    const session = new StdioSession(options);
    try {
      await session.#shakeHands(options.handshakeMs);
      return session;
    } catch (error) {
      const words = lastWords(session.#process.stderr, options.secrets);
      await session.stop();
      if (!(error instanceof UpstreamFailure) || words === '') throw error;
      throw new UpstreamFailure(error.kind, `${error.message} It said: ${words}`);
    }
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get server(): UpstreamServer {
    return this.#server;
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    const id = ++this.#lastId;
    if (call.logLevel !== undefined && !this.#modern) this.#setLogLevel(call);
    const meta = this.#modern ? modernMeta(call.declared, call.logLevel) : undefined;
    const params = callParams(call, id, meta);
    this.#attribution.began(id, call);
    call.onStop = (reason) => {
      this.#waiting.delete(id);
      this.#attribution.abandoned(id);
      const words = reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.';
      this.#process.write(
        notificationText('notifications/cancelled', { requestId: id, reason: words }),
      );
    };
    const text = requestText(id, call.method, params);
    const answer = await this.#request(id, text, call).catch((error: unknown) => {
      this.#attribution.ended(id);
      throw error;
    });
    return answer.kind === 'too-large'
      ? tooLarge()
      : callResultOf(answer, call, this.#modern ? 'modern' : 'legacy');
  }

  /** Has the server tell when this resource changes; rejects with SubscriptionRefused or UpstreamFailure. */
  async subscribe(uri: string, ms: number): Promise<void> {
    if (this.#modern) return this.#listens.open({ resourceSubscriptions: [uri] }, uri, ms);
    const answer = await this.#ask('resources/subscribe', { uri }, ms);
    if (answer.kind === 'error') throw new SubscriptionRefused(answer.error);
  }

  unsubscribe(uri: string): void {
    if (this.#modern) this.#listens.close(uri);
    else this.#ask('resources/unsubscribe', { uri }, UNSUBSCRIBE_MS).catch(() => {});
  }

  async listTools(deadline: number): Promise<Offer> {
    const list = await listAllTools(this.#server, async (cursor) => {
      const params = {
        ...(cursor !== undefined && { cursor }),
        ...(this.#modern && { _meta: MODERN_META }),
      };
      const answer = await this.#ask('tools/list', params, deadline - Date.now());
      if (answer.kind === 'too-large')
        throw new UpstreamFailure('protocol', "The server's list of tools is too large.");
      return answer;
    });
    return { ...list, server: this.#server };
  }

  stop(reason?: string): Promise<void> {
    return this.#process.stop(reason);
  }

  async #shakeHands(ms: number): Promise<void> {
    const until = Date.now() + ms;
    const answer = await this.#ask('initialize', initializeParams(SHARED), ms);
    if (answer.kind === 'result') {
      this.#server = initialized(answer);
      this.#process.write(notificationText('notifications/initialized'));
      return;
    }
    // A server of 2026-07-28 alone knows no initialize.
    const found = await this.#ask('server/discover', { _meta: MODERN_META }, until - Date.now());
    const versions = found.kind === 'result' ? found.result['supportedVersions'] : undefined;
    if (!Array.isArray(versions) || !versions.includes(MODERN_VERSION)) {
      if (answer.kind === 'error') initialized(answer);
      throw new UpstreamFailure(
        'protocol',
        'The server refused the MCP handshake: its answer is too large.',
      );
    }
    this.#modern = true;
    this.#server = serverOf(found.kind === 'result' ? found.result : {}, MODERN_VERSION);
    const lists = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
    };
    // A server that tells of no changes can still be called.
    void this.#listens.open(lists, '', ms).catch(() => {});
  }

  // The level is the whole process's, and what it logs is handed on only while one person uses it.
  #setLogLevel(call: OutgoingCall): void {
    const level = call.logLevel;
    if (level === this.#logLevel || this.#server.capabilities['logging'] === undefined) return;
    this.#logLevel = level;
    this.#ask('logging/setLevel', { level }, SET_LEVEL_MS).catch(() => {});
  }

  #ask(method: string, params: Record<string, unknown>, ms: number): Promise<Answer> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#waiting.delete(id);
          reject(
            new UpstreamFailure(
              'unavailable',
              `The server did not answer ${method} within ${Math.max(1, Math.round(ms / 1000))} s.`,
            ),
          );
        },
        Math.max(0, ms),
      );
      this.#request(id, requestText(id, method, JSON.stringify(params)), undefined)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  #request(id: number, text: string, call: OutgoingCall | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined || !this.#process.write(text)) {
        return reject(
          new UpstreamFailure(
            'unavailable',
            `The server is not running: ${this.#ended ?? 'it does not read its input'}.`,
          ),
        );
      }
      call?.markSent();
      this.#waiting.set(id, { call, resolve, reject });
    });
  }

  #onLine(text: string): void {
    const waiting = this.#waiting.size;
    const messages = readMessages(text);
    for (const message of messages) this.#onMessage(message);
    if (this.#waiting.size === waiting) this.#stray(text.length, messages.length === 0 ? 1 : 0);
  }

  #onMessage(message: Message): void {
    if (message.kind === 'request') {
      answerRequest(message, this.#attribution.asked(message), (text) => this.#process.write(text));
      return this.#stray();
    }
    if (message.kind === 'notification') {
      this.#onNotification(message);
      return this.#stray();
    }
    if (typeof message.id !== 'number') return this.#stray();
    this.#attribution.ended(message.id);
    const waiting = this.#waiting.get(message.id);
    if (!waiting) {
      if (!this.#listens.answered(message)) this.#stray();
      return;
    }
    this.#waiting.delete(message.id);
    waiting.resolve(message);
  }

  #onNotification(message: Extract<Message, { kind: 'notification' }>): void {
    const list = changedList(message.method);
    if (list) return this.options.onListChanged(list);
    switch (message.method) {
      case 'notifications/resources/updated':
        return this.options.onUpdated(message.params);
      case 'notifications/cancelled':
        return this.#attribution.withdrawn(message.params['requestId']);
      case 'notifications/subscriptions/acknowledged':
        return this.#listens.acknowledged(message.params);
      case 'notifications/progress': {
        const token = message.params['progressToken'];
        const waiting = typeof token === 'number' ? this.#waiting.get(token) : undefined;
        return waiting?.call && relayNotification(message, token as number, waiting.call);
      }
      default: {
        const call = this.#attribution.told(message.method);
        if (call) relayNotification(message, 0, call);
      }
    }
  }

  /** Writers of JSON-RPC put the id first or last. */
  #onOverlong(head: string, tail: string): void {
    const id = Number(
      /^\{"jsonrpc":"2\.0","id":(\d+)/.exec(head)?.[1] ??
        /"id":(\d+)(?:,"jsonrpc":"2\.0")?\}\s*$/.exec(tail)?.[1],
    );
    const waiting = this.#waiting.get(id);
    if (!waiting) return this.#stray(MAX_RESULT_BYTES);
    this.#waiting.delete(id);
    this.#attribution.ended(id);
    waiting.resolve({ kind: 'too-large' });
  }

  #stray(characters = 0, messages = 1): void {
    const now = Date.now();
    if (now - this.#strays.since > FLOOD.windowMs)
      this.#strays = { messages: 0, characters: 0, since: now };
    this.#strays.messages += messages;
    this.#strays.characters += characters;
    if (this.#strays.messages > FLOOD.messages || this.#strays.characters > FLOOD.characters)
      this.#process.kill('it flooded its output with messages that nobody asked for');
  }

  #onExit(reason: string): void {
    this.#ended = reason;
    for (const { call, reject } of this.#waiting.values()) {
      reject(
        call
          ? new UpstreamFailure(
              'unknown',
              `The server ended while it worked (${reason}); whether it acted is not known.`,
            )
          : new UpstreamFailure('unavailable', `The server ended: ${reason}.`),
      );
    }
    this.#waiting.clear();
    this.#listens.end();
    this.options.onEnd(reason);
  }
}
