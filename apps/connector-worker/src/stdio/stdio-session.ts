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
import { Requests } from './requests.js';
import type { Sandbox } from './sandbox.js';
import { ServerProcess } from './server-process.js';
import { Strays } from './strays.js';

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

/** MCP over the standard streams of one process: handshake, calls, and what the server says by itself. */
export class StdioSession {
  readonly #process: ServerProcess;
  readonly #requests: Requests;
  readonly #attribution = new Attribution();
  readonly #listens: Listens;
  #modern = false;
  #server: UpstreamServer = { protocolVersion: '', capabilities: {} };
  #logLevel: string | undefined;
  readonly #strays = new Strays();

  private constructor(private readonly options: StdioSessionOptions) {
    this.#process = new ServerProcess(options.plan, options.sandbox, {
      onLine: (text) => this.#onLine(text),
      onOverlong: (head, tail) => this.#onOverlong(head, tail),
      onExit: (reason) => this.#onExit(reason),
    });
    this.#requests = new Requests(this.#process);
    this.#listens = new Listens({
      nextId: () => this.#requests.nextId(),
      write: (text) => !this.#requests.ended && this.#process.write(text),
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
    return this.#requests.ended;
  }

  get inFlight(): number {
    return this.#requests.inFlight;
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
    const id = this.#requests.nextId();
    if (call.logLevel !== undefined && !this.#modern) this.#setLogLevel(call);
    const meta = this.#modern ? modernMeta(call.declared, call.logLevel) : undefined;
    const params = callParams(call, id, meta);
    this.#attribution.began(id, call);
    call.onStop = (reason) => {
      this.#requests.forget(id);
      this.#attribution.abandoned(id);
      const words = reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.';
      this.#process.write(
        notificationText('notifications/cancelled', { requestId: id, reason: words }),
      );
    };
    const text = requestText(id, call.method, params);
    const answer = await this.#requests.send(id, text, call).catch((error: unknown) => {
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
    const answer = await this.#requests.ask('resources/subscribe', { uri }, ms);
    if (answer.kind === 'error') throw new SubscriptionRefused(answer.error);
  }

  unsubscribe(uri: string): void {
    if (this.#modern) this.#listens.close(uri);
    else this.#requests.ask('resources/unsubscribe', { uri }, UNSUBSCRIBE_MS).catch(() => {});
  }

  async listTools(deadline: number): Promise<Offer> {
    const list = await listAllTools(this.#server, async (cursor) => {
      const params = {
        ...(cursor !== undefined && { cursor }),
        ...(this.#modern && { _meta: MODERN_META }),
      };
      const answer = await this.#requests.ask('tools/list', params, deadline - Date.now());
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
    const answer = await this.#requests.ask('initialize', initializeParams(SHARED), ms);
    if (answer.kind === 'result') {
      this.#server = initialized(answer);
      this.#process.write(notificationText('notifications/initialized'));
      return;
    }
    // A server of 2026-07-28 alone knows no initialize.
    const found = await this.#requests.ask(
      'server/discover',
      { _meta: MODERN_META },
      until - Date.now(),
    );
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
    this.#requests.ask('logging/setLevel', { level }, SET_LEVEL_MS).catch(() => {});
  }

  #onLine(text: string): void {
    const { inFlight } = this.#requests;
    const messages = readMessages(text);
    for (const message of messages) this.#onMessage(message);
    if (this.#requests.inFlight === inFlight)
      this.#stray(messages.length === 0 ? 1 : 0, text.length);
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
    if (!this.#requests.answered(message.id, message) && !this.#listens.answered(message))
      this.#stray();
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
        const call = typeof token === 'number' ? this.#requests.callOf(token) : undefined;
        return call && relayNotification(message, token as number, call);
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
    if (this.#requests.answered(id, { kind: 'too-large' })) this.#attribution.ended(id);
    else this.#stray(1, MAX_RESULT_BYTES);
  }

  #stray(messages = 1, characters = 0): void {
    if (this.#strays.add(messages, characters))
      this.#process.kill('it flooded its output with messages that nobody asked for');
  }

  #onExit(reason: string): void {
    this.#requests.end(reason);
    this.#listens.end();
    this.options.onEnd(reason);
  }
}
