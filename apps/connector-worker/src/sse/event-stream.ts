import { StringDecoder } from 'node:string_decoder';
import { createParser, type EventSourceParser } from 'eventsource-parser';
import type { Dispatcher } from 'undici';
import { UpstreamFailure } from '../connector.js';
import { notReachable, withoutAnswer } from '../http/failures.js';
import { type HttpTarget, MAX_INTERIM } from '../http/http-exchange.js';
import { ALL_ANSWERS, Pace } from '../http/pace.js';
import { MAX_RESULT_BYTES } from '../mcp/results.js';
import { replyOf } from './replies.js';

/** JSON around a result may come on top of the result itself. */
const MAX_EVENT_BYTES = MAX_RESULT_BYTES + 64 * 1024;

export interface EventStreamOptions {
  dispatcher: Dispatcher;
  target: HttpTarget;
  /** Name and value by turns. */
  headers: string[];
  onEvent(type: string, data: string): void;
  /** The stream is over, once: it could not be opened, was broken, or ended. */
  onEnd(failure: UpstreamFailure): void;
}

/** A GET whose answer is a stream of events without an end; at most one event is held in memory. */
export class EventStream implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #parser: EventSourceParser | undefined;
  #decoder = new StringDecoder('utf8');
  #ended = false;
  #interim = 0;
  readonly #pace = new Pace(ALL_ANSWERS);

  constructor(private readonly options: EventStreamOptions) {
    const { dispatcher, target, headers } = options;
    // Minutes without an event are usual.
    dispatcher.dispatch(
      { ...target, method: 'GET', headers, headersTimeout: 0, bodyTimeout: 0 },
      this,
    );
  }

  /** Leaves the stream; `onEnd` is told why. */
  close(failure: UpstreamFailure): void {
    this.#end(failure);
    this.#controller?.abort(new Error('The stream was left.'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new Error('The stream was left.'));
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
    const type = String(headers['content-type'] ?? '')
      .split(';', 1)[0]!
      .trim()
      .toLowerCase();
    if (status >= 300) return this.close(withoutAnswer(replyOf(status)));
    if (type !== 'text/event-stream') {
      return this.close(
        new UpstreamFailure(
          'protocol',
          'The server does not answer GET with a stream of events; newer servers are of kind mcp-http.',
        ),
      );
    }
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT_BYTES,
      onEvent: ({ event, data }) => this.#ended || this.options.onEvent(event ?? 'message', data),
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded')
          this.close(
            new UpstreamFailure('protocol', 'The server sent a message that is too large.'),
          );
      },
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    this.#pace.read(controller, chunk.length);
    this.#parser?.feed(this.#decoder.write(chunk));
  }

  onResponseEnd(): void {
    this.#end(new UpstreamFailure('unavailable', 'The server ended its stream of events.'));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(
      this.#parser
        ? new UpstreamFailure('unavailable', "The server's stream of events broke.")
        : notReachable(error),
    );
  }

  #end(failure: UpstreamFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.options.onEnd(failure);
  }
}
