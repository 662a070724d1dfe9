import { HistogramFamily, type Registry } from '@conducktor/runtime';
import { wallClock } from './span.js';
import type { Tracer } from './tracer.js';

/** What is needed of Fastify: its hooks. */
interface Hooks {
  addHook(
    name: 'onResponse',
    hook: (request: HookRequest, reply: HookReply, done: () => void) => void,
  ): unknown;
}

interface HookRequest {
  method: string;
  headers: Record<string, string | string[] | undefined>;
  routeOptions: { url?: string | undefined };
}

interface HookReply {
  raw: { statusCode: number };
  elapsedTime: number;
}

export interface ObservedResponse {
  method: string;
  /** As it is written in the router; never what a client asked. */
  route: string;
  status: number;
}

const HTTP_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
/** Methods that a client makes up would each have figures of their own. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/**
 * Counts and times every request of a Fastify instance by route and status, and makes one server span
 * for those that are traced. Who asks is not known here: a client's wish to be traced is not followed,
 * and of failures only our own are kept.
 */
export function observeHttp(
  fastify: Hooks,
  options: {
    registry: Registry;
    tracer: Tracer | undefined;
    onResponse?: (response: ObservedResponse) => void;
  },
): void {
  const { registry, tracer, onResponse } = options;
  const seconds = new HistogramFamily({
    registry,
    name: 'conducktor_http_request_seconds',
    help: 'Time of an HTTP request from its headers to its answer, by route and class of status',
    labels: ['method', 'route', 'status'],
    buckets: HTTP_SECONDS,
    mostChildren: 300,
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const method = METHODS.has(request.method) ? request.method : 'other';
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status } = reply.raw;
    const ms = reply.elapsedTime;
    seconds.of(method, route, `${Math.floor(status / 100)}xx`).observe(ms / 1_000);
    onResponse?.({ method, route, status });
    if (tracer) trace(tracer, { method, route, status }, ms, request.headers['traceparent']);
    done();
  });
}

function trace(
  tracer: Tracer,
  { method, route, status }: ObservedResponse,
  ms: number,
  traceparent: string | string[] | undefined,
): void {
  const failed = status >= 500;
  const context = tracer.joinStranger(typeof traceparent === 'string' ? traceparent : undefined);
  if (!tracer.keeps(context, failed)) return;
  const { traceId, spanId, parentSpanId } = context;
  const endMs = wallClock(performance.now());
  tracer.record({
    name: `${method} ${route}`,
    kind: 'server',
    traceId,
    spanId,
    parentSpanId,
    startMs: endMs - ms,
    endMs,
    attributes: {
      'http.request.method': method === 'other' ? '_OTHER' : method,
      'http.route': route,
      'http.response.status_code': status,
    },
    error: failed ? String(status) : undefined,
  });
}
