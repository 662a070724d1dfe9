import type { CallResult } from '@conducktor/contracts';
import { MAX_QUOTE, type OutgoingCall, type ToolList, UpstreamFailure } from '../connector.js';
import { withoutAnswer } from '../http/failures.js';
import { callParams } from '../mcp/call-params.js';
import { listAllTools } from '../mcp/list-tools.js';
import { answerText, type Message, notificationText, requestText } from '../mcp/messages.js';
import { relayProgress } from '../mcp/progress.js';
import { callResultOf, failed } from '../mcp/results.js';
import { CLIENT_INFO, LEGACY_VERSION, LEGACY_VERSIONS } from '../mcp/versions.js';
import { SsePeer, type SsePeerOptions } from './sse-peer.js';

/** A server that answers nothing for so long after a call timed out has lost our stream. */
const PROBE_MS = 10_000;

export interface SseSessionOptions extends Pick<
  SsePeerOptions,
  'streams' | 'posts' | 'url' | 'headers' | 'onEnd'
> {
  handshakeMs: number;
}

/** The server does not know the session any more; it refused before it could act. */
export class SessionForgotten extends Error {
  override readonly name = 'SessionForgotten';
}

/** One member's session with a server of 2024-11-05. */
export class SseSession {
  readonly #peer: SsePeer;
  readonly #calls = new Map<number, OutgoingCall>();
  #lastId = 0;
  #answered = 0;
  #probing = false;
  usedAt = Date.now();

  private constructor(options: SseSessionOptions) {
    this.#peer = new SsePeer({ ...options, onMessage: (message) => this.#onMessage(message) });
  }

  /** Opens the stream and shakes hands; rejects with UpstreamFailure and leaves nothing open. */
  static async open(options: SseSessionOptions): Promise<SseSession> {
    const session = new SseSession(options);
    const { handshakeMs } = options;
    const seconds = Math.max(1, Math.round(handshakeMs / 1000));
    const late = setTimeout(
      () => session.close(`The server did not answer within ${seconds} s.`),
      handshakeMs,
    );
    try {
      await session.#shakeHands(handshakeMs);
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  get ended(): boolean {
    return this.#peer.ended;
  }

  get idle(): boolean {
    return this.#peer.inFlight === 0;
  }

  /** Rejects with SessionForgotten where the call can safely be made again in a new session. */
  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    this.usedAt = Date.now();
    const id = ++this.#lastId;
    this.#calls.set(id, call);
    call.onStop = (reason) => {
      this.#peer.forget(id);
      this.#calls.delete(id);
      const words = reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.';
      this.#peer.tell(
        notificationText('notifications/cancelled', { requestId: id, reason: words }),
      );
      if (reason === 'timeout') void this.#probe();
    };
    try {
      const body = requestText(id, call.method, callParams(call, id, undefined));
      const outcome = await this.#peer.request(id, body, () => call.markSent());
      this.usedAt = Date.now();
      if (outcome.kind !== 'refused') {
        this.#answered++;
        return callResultOf(outcome);
      }
      const { reply } = outcome;
      // What was never answered in this session is no session that was forgotten.
      if ([400, 404, 410].includes(reply.status) && this.#answered > 0)
        throw new SessionForgotten();
      return failed(withoutAnswer(reply).message, { httpStatus: reply.status });
    } finally {
      this.#calls.delete(id);
    }
  }

  listTools(deadline: number): Promise<ToolList> {
    this.usedAt = Date.now();
    return listAllTools((cursor) =>
      this.#ask('tools/list', cursor === undefined ? {} : { cursor }, deadline - Date.now()),
    );
  }

  close(reason?: string): void {
    this.#peer.close(reason);
  }

  async #shakeHands(ms: number): Promise<void> {
    await this.#peer.ready;
    const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT_INFO };
    const answer = await this.#ask('initialize', params, ms);
    if (answer.kind === 'error') {
      throw new UpstreamFailure(
        'protocol',
        `The server refused the MCP handshake: ${answer.error.message.slice(0, MAX_QUOTE)} (${answer.error.code}).`,
      );
    }
    const version = answer.result['protocolVersion'];
    if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version)) {
      throw new UpstreamFailure(
        'protocol',
        `The server speaks a version of MCP that is not known here (${String(version).slice(0, 40)}).`,
      );
    }
    this.#peer.negotiated(version);
    const told = await this.#peer.post(notificationText('notifications/initialized'), ms);
    if (told.status >= 300) throw withoutAnswer(told);
  }

  /** A request of our own, which acts on nothing. */
  async #ask(
    method: string,
    params: Record<string, unknown>,
    ms: number,
  ): Promise<Extract<Message, { kind: 'result' | 'error' }>> {
    const id = ++this.#lastId;
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const words = `The server did not answer ${method} within ${Math.max(1, Math.round(ms / 1000))} s.`;
      late = setTimeout(() => reject(new UpstreamFailure('unavailable', words)), Math.max(0, ms));
    });
    try {
      const body = requestText(id, method, JSON.stringify(params));
      const outcome = await Promise.race([this.#peer.request(id, body), tooLate]);
      if (outcome.kind === 'refused') throw withoutAnswer(outcome.reply);
      return outcome;
    } finally {
      clearTimeout(late);
      this.#peer.forget(id);
    }
  }

  // A stream that died in silence looks like a slow server; without this every further call would wait too.
  async #probe(): Promise<void> {
    if (this.#probing || this.ended) return;
    this.#probing = true;
    await this.#ask('ping', {}, PROBE_MS).catch(() =>
      this.close('The server does not answer in this session any more.'),
    );
    this.#probing = false;
  }

  #onMessage(message: Extract<Message, { kind: 'request' | 'notification' }>): boolean {
    if (message.kind === 'request') {
      this.#peer.tell(answerText(message));
      return false;
    }
    const token = message.params['progressToken'];
    const call = typeof token === 'number' ? this.#calls.get(token) : undefined;
    if (call) relayProgress(message, token as number, call);
    return false;
  }
}
