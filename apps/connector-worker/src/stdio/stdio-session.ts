import type { CallResult } from '@conducktor/contracts';
import { MAX_QUOTE, type OutgoingCall, type ToolList, UpstreamFailure } from '../connector.js';
import { callParams } from '../mcp/call-params.js';
import { listAllTools } from '../mcp/list-tools.js';
import {
  answerText,
  type Message,
  notificationText,
  readMessages,
  requestText,
} from '../mcp/messages.js';
import { relayProgress } from '../mcp/progress.js';
import { callResultOf, tooLarge } from '../mcp/results.js';
import {
  CLIENT_INFO,
  LEGACY_VERSION,
  LEGACY_VERSIONS,
  MODERN_META,
  MODERN_VERSION,
} from '../mcp/versions.js';
import type { LaunchPlan } from './launch-plan.js';
import type { Sandbox } from './sandbox.js';
import { ServerProcess } from './server-process.js';

type Answer = Extract<Message, { kind: 'result' | 'error' }> | { kind: 'too-large' };

interface Waiting {
  call: OutgoingCall | undefined;
  resolve(answer: Answer): void;
  reject(error: UpstreamFailure): void;
}

/** Messages that nobody waits for; more of them within the window than this is a flood. */
const FLOOD = { messages: 20_000, windowMs: 10_000 };

/** MCP over the standard streams of one process: handshake, requests by id, the server's own requests. */
export class StdioSession {
  readonly #process: ServerProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #modern = false;
  #ended: string | undefined;
  #strays = { count: 0, since: 0 };

  private constructor(
    plan: LaunchPlan,
    sandbox: Sandbox,
    private readonly onEnd: (reason: string) => void,
  ) {
    this.#process = new ServerProcess(plan, sandbox, {
      onLine: (text) => this.#onLine(text),
      onOverlong: (head, tail) => this.#onOverlong(head, tail),
      onExit: (reason) => this.#onExit(reason),
    });
  }

  /** Starts the process and shakes hands; rejects with UpstreamFailure and leaves no process behind. */
  static async start(options: {
    plan: LaunchPlan;
    sandbox: Sandbox;
    handshakeMs: number;
    secrets: string[];
    onEnd: (reason: string) => void;
  }): Promise<StdioSession> {
    const session = new StdioSession(options.plan, options.sandbox, options.onEnd);
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

  get stderr(): string {
    return this.#process.stderr;
  }

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    const id = ++this.#lastId;
    const params = callParams(call, id, this.#modern ? MODERN_META : undefined);
    call.onStop = (reason) => {
      this.#waiting.delete(id);
      const words = reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.';
      this.#process.write(
        notificationText('notifications/cancelled', { requestId: id, reason: words }),
      );
    };
    const answer = await this.#request(id, requestText(id, call.method, params), call);
    return answer.kind === 'too-large' ? tooLarge() : callResultOf(answer);
  }

  listTools(deadline: number): Promise<ToolList> {
    return listAllTools(async (cursor) => {
      const params = {
        ...(cursor !== undefined && { cursor }),
        ...(this.#modern && { _meta: MODERN_META }),
      };
      const answer = await this.#ask('tools/list', params, deadline - Date.now());
      if (answer.kind === 'too-large')
        throw new UpstreamFailure('protocol', "The server's list of tools is too large.");
      return answer;
    });
  }

  stop(reason?: string): Promise<void> {
    return this.#process.stop(reason);
  }

  async #shakeHands(ms: number): Promise<void> {
    const until = Date.now() + ms;
    const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT_INFO };
    const answer = await this.#ask('initialize', params, ms);
    if (answer.kind === 'result') {
      const version = answer.result['protocolVersion'];
      if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version)) {
        throw new UpstreamFailure(
          'protocol',
          `The server speaks a version of MCP that is not known here (${String(version).slice(0, 40)}).`,
        );
      }
      this.#process.write(notificationText('notifications/initialized'));
      return;
    }
    // A server of 2026-07-28 alone knows no initialize.
    const found = await this.#ask('server/discover', { _meta: MODERN_META }, until - Date.now());
    const versions = found.kind === 'result' ? found.result['supportedVersions'] : undefined;
    if (!Array.isArray(versions) || !versions.includes(MODERN_VERSION)) {
      const words =
        answer.kind === 'error'
          ? `${answer.error.message.slice(0, MAX_QUOTE)} (${answer.error.code})`
          : 'its answer is too large';
      throw new UpstreamFailure('protocol', `The server refused the MCP handshake: ${words}.`);
    }
    this.#modern = true;
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
    const messages = readMessages(text);
    if (messages.length === 0) return this.#stray();
    for (const message of messages) this.#onMessage(message);
  }

  #onMessage(message: Message): void {
    if (message.kind === 'request') {
      this.#process.write(answerText(message));
      return this.#stray();
    }
    if (message.kind === 'notification') {
      const token = message.params['progressToken'];
      const waiting = typeof token === 'number' ? this.#waiting.get(token) : undefined;
      if (waiting?.call) relayProgress(message, token as number, waiting.call);
      return this.#stray();
    }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined;
    if (!waiting) return this.#stray();
    this.#waiting.delete(message.id as number);
    waiting.resolve(message);
  }

  /** Writers of JSON-RPC put the id first or last. */
  #onOverlong(head: string, tail: string): void {
    const id = Number(
      /^\{"jsonrpc":"2\.0","id":(\d+)/.exec(head)?.[1] ??
        /"id":(\d+)(?:,"jsonrpc":"2\.0")?\}\s*$/.exec(tail)?.[1],
    );
    const waiting = this.#waiting.get(id);
    if (!waiting) return this.#stray();
    this.#waiting.delete(id);
    waiting.resolve({ kind: 'too-large' });
  }

  #stray(): void {
    const now = Date.now();
    if (now - this.#strays.since > FLOOD.windowMs) this.#strays = { count: 0, since: now };
    if (++this.#strays.count === FLOOD.messages)
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
    this.onEnd(reason);
  }
}

/** The end of what a server said, for people; a value that it was given in secret is not repeated. */
function lastWords(stderr: string, secrets: string[]): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line)
    .slice(0, 200);
}
