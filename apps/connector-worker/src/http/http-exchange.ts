import { StringDecoder } from 'node:string_decoder';
import { createParser, type EventSourceParser } from 'eventsource-parser';
import type { Dispatcher } from 'undici';
import { GatheredBytes } from '../gathered-bytes.js';
import { type Message, readMessages } from '../mcp/messages.js';
import { MAX_RESULT_BYTES } from '../mcp/results.js';
import { inTurn, LARGE_BODY, type LargeBodies } from './large-bodies.js';
import type { Pace } from './pace.js';

/** JSON around a result, and a stream's notifications, may come on top of the result itself. */
const MAX_MESSAGE_BYTES = MAX_RESULT_BYTES + 64 * 1024;
const MAX_STREAM_BYTES = 4 * MAX_RESULT_BYTES;
/** Messages on one stream; more is a flood and not an answer. */
const MAX_STREAM_MESSAGES = 100_000;
/** Answers of status 1xx before the answer itself. */
export const MAX_INTERIM = 20;
/** Of an answer that is no JSON-RPC only this much is looked at. */
const MAX_ERROR_BYTES = 16 * 1024;

export interface HttpTarget {
  origin: string;
  path: string;
}

export interface HttpReply {
  status: number;
  sessionId: string | undefined;
  wwwAuthenticate: string | undefined;
  /** The answer with our id; also an error without id when the status says that it is about our request. */
  answer: Extract<Message, { kind: 'result' | 'error' }> | undefined;
  /** The stream ended without an answer and may be taken up again from here. */
  resume: { lastEventId: string; retryMs: number | undefined } | undefined;
  /** The connection broke, or ended before the answer was whole. */
  broken: Error | undefined;
  tooLarge: boolean;
}

export interface HttpExchangeOptions {
  dispatcher: Dispatcher;
  target: HttpTarget;
  method: 'POST' | 'GET' | 'DELETE';
  /** Name and value by turns. */
  headers: string[];
  body: string | undefined;
  /** Answers with other ids are ignored. Undefined: no answer is expected. */
  id: number | undefined;
  /** The request is about to be written: from here on it may act. */
  onSent?: () => void;
  /** Of all exchanges with this upstream. */
  large?: LargeBodies;
  /** For streams that stay open: how fast they are read. */
  pace?: Pace | undefined;
  /** The answer begins, with this status. */
  onOpen?: (status: number) => void;
  /** Notifications and requests of the server, in order. */
  onMessage?: (message: Extract<Message, { kind: 'notification' | 'request' }>) => void;
}

/**
 * One HTTP request to an MCP server and whatever comes back: JSON, or a stream of events that is
 * left as soon as the answer is there. Works on undici's dispatch, because its request() costs a
 * stream and several promises for each call.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Rejects only when nothing was sent. */
  readonly reply: Promise<HttpReply>;
  #resolve!: (reply: HttpReply) => void;
  #reject!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #aborted = false;
  #done = false;
  #sent = false;
  #bytes = 0;
  #messages = 0;
  #interim = 0;
  readonly #body = new GatheredBytes();
  #limit = MAX_MESSAGE_BYTES;
  #events: { parser: EventSourceParser; decoder: StringDecoder } | undefined;
  #lastEventId = '';
  #retryMs: number | undefined;
  #leaving: NodeJS.Timeout | undefined;
  #endLarge: (() => void) | undefined;
  /** Something of the stream waits to be read in its turn. */
  #later = false;
  readonly #reply: HttpReply = {
    status: 0,
    sessionId: undefined,
    wwwAuthenticate: undefined,
    answer: undefined,
    resume: undefined,
    broken: undefined,
    tooLarge: false,
  };

  constructor(private readonly options: HttpExchangeOptions) {
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { dispatcher, target, method, headers, body } = options;
    // The call has its own deadline; undici's timers would only cost.
    dispatcher.dispatch(
      { ...target, method, headers, body: body ?? null, headersTimeout: 0, bodyTimeout: 0 },
      this,
    );
  }

  /** Closes the stream; to a modern server that means cancellation. */
  abort(): void {
    this.#aborted = true;
    if (!this.#done) this.#controller?.abort(new Error('The call was given up.'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) return controller.abort(new Error('The call was given up.'));
    this.#sent = true;
    this.options.onSent?.();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM) controller.abort(new Error('Only interim answers came.'));
      return;
    }
    this.#reply.status = status;
    this.#reply.sessionId = single(headers['mcp-session-id']);
    this.#reply.wwwAuthenticate = single(headers['www-authenticate']);
    const type = single(headers['content-type'])?.split(';', 1)[0]?.trim().toLowerCase();
    if (type === 'text/event-stream') {
      this.#limit = MAX_STREAM_BYTES;
      const parser = createParser({
        maxBufferSize: MAX_MESSAGE_BYTES,
        onId: (id) => (this.#lastEventId = id),
        onRetry: (ms) => (this.#retryMs = ms),
        onEvent: (event) =>
          event.data !== '' &&
          (event.event ?? 'message') === 'message' &&
          this.#onEvent(event.data),
        onError: (error) => error.type === 'max-buffer-size-exceeded' && this.#overflow(),
      });
      this.#events = { parser, decoder: new StringDecoder('utf8') };
    } else if (type !== 'application/json') {
      this.#limit = MAX_ERROR_BYTES;
    }
    this.options.onOpen?.(status);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done) return;
    this.options.pace?.read(controller, chunk.length);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limit) return this.#overflow();
    if (!this.#events) return this.#addToBody(controller, chunk);
    this.#events.parser.feed(this.#events.decoder.write(chunk));
  }

  #addToBody(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body.add(chunk);
    if (this.#bytes > LARGE_BODY) this.#endLarge ??= this.options.large?.begin(controller);
  }

  onResponseEnd(): void {
    clearTimeout(this.#leaving);
    if (this.#later || this.#body.length > LARGE_BODY) this.#inTurn(() => this.#onEnd());
    else this.#onEnd();
  }

  #onEnd(): void {
    if (this.#done) return;
    if (!this.#events && this.#body.length > 0) this.#onText(this.#body.take().toString('utf8'));
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#leaving);
    if (this.#done) return;
    if (!this.#sent) {
      this.#done = true;
      return this.#reject(error);
    }
    this.#reply.broken = error;
    if (this.#later) this.#inTurn(() => this.#finish());
    else this.#finish();
  }

  /** What follows a large event waits for it as well. */
  #onEvent(data: string): void {
    if (!this.#later && data.length <= LARGE_BODY) return this.#onText(data);
    this.#later = true;
    this.#inTurn(() => {
      if (!this.#done) this.#onText(data);
    });
  }

  /** Outside of undici nobody catches what reading throws. */
  #inTurn(job: () => void): void {
    inTurn(() => {
      try {
        job();
      } catch (error) {
        this.#reply.broken = error as Error;
        this.#finish();
      }
    });
  }

  #onText(text: string): void {
    for (const message of readMessages(text)) {
      if (this.#done) return;
      if (++this.#messages > MAX_STREAM_MESSAGES) return this.#overflow();
      if (message.kind === 'notification' || message.kind === 'request')
        this.options.onMessage?.(message);
      else if (this.#isOurs(message)) {
        this.#reply.answer = message;
        // A stream whose answer is there has nothing more to say; it is left rather than waited for.
        if (this.#events) this.#finish();
        return;
      }
    }
  }

  #isOurs(message: Extract<Message, { kind: 'result' | 'error' }>): boolean {
    if (this.options.id !== undefined && message.id === this.options.id) return true;
    // Refusals before the id was read carry none; the exchange tells whose they are.
    return message.kind === 'error' && message.id == null && this.#reply.status >= 400;
  }

  #overflow(): void {
    this.#reply.tooLarge = this.#limit !== MAX_ERROR_BYTES;
    this.#finish();
    this.#leave();
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#body.take();
    this.#endLarge?.();
    const reply = this.#reply;
    if (!reply.answer && !reply.tooLarge && this.#events && this.#lastEventId !== '') {
      reply.resume = { lastEventId: this.#lastEventId, retryMs: this.#retryMs };
    }
    this.#resolve(reply);
    if (this.#events) this.#leave();
  }

  // Aborting does nothing to an exchange that has ended by itself. Most servers end a stream right behind its
  // answer: given a moment, the connection can be kept.
  #leave(): void {
    if (this.#reply.answer) {
      this.#leaving = setTimeout(
        () => this.#controller?.abort(new Error('The stream was left.')),
        250,
      ).unref();
    } else this.#controller?.abort(new Error('The stream was left.'));
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
