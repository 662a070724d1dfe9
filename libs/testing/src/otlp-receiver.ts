import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as OTLP/JSON has it, with its attributes as an object and the service that sent it. */
export interface ReceivedSpan {
  service: string;
  name: string;
  /** 1 internal, 2 server, 3 client. */
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  events: string[];
  failed: boolean;
}

export interface OtlpReceiver {
  url: string;
  readonly spans: ReceivedSpan[];
  /** Names of metrics by the service that sent them. */
  readonly metrics: Map<string, Set<string>>;
  /** Every body as it came, with its path and headers. */
  readonly bodies: { path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  close(): Promise<void>;
}

/** So much is kept; what came first is forgotten first. */
const MOST_SPANS = 20_000;
const MOST_BODIES = 200;

/**
 * A collector: takes OTLP over HTTP, reads what comes as JSON, and keeps it. `GET /spans` and
 * `GET /metrics` give what it has to another process. `answer` is the status of every export.
 */
export async function startOtlpReceiver(answer = 200): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metrics: OtlpReceiver['metrics'] = new Map();
  const bodies: OtlpReceiver['bodies'] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'GET') {
      const asked =
        path === '/spans' ? spans : Object.fromEntries([...metrics].map(([k, v]) => [k, [...v]]));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(asked));
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      bodies.push({ path, headers: request.headers, body });
      bodies.splice(0, bodies.length - MOST_BODIES);
      if (request.headers['content-type'] === 'application/json') {
        if (path === '/v1/traces') spans.push(...spansOf(JSON.parse(body.toString()) as Traces));
        else keepMetrics(metrics, JSON.parse(body.toString()) as Metrics);
        spans.splice(0, spans.length - MOST_SPANS);
      }
      response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    bodies,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}
interface Resource {
  resource: { attributes: Attribute[] };
}
interface Traces {
  resourceSpans: (Resource & {
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'service' | 'attributes' | 'events' | 'failed'> & {
        attributes: Attribute[];
        events?: { name: string }[];
        status: { code?: number };
      })[];
    }[];
  })[];
}
interface Metrics {
  resourceMetrics: (Resource & { scopeMetrics: { metrics: { name: string }[] }[] })[];
}

const objectOf = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const serviceOf = ({ resource }: Resource): string =>
  String(objectOf(resource.attributes)['service.name']);

function spansOf({ resourceSpans }: Traces): ReceivedSpan[] {
  return resourceSpans.flatMap((sender) =>
    sender.scopeSpans.flatMap((scope) =>
      scope.spans.map(({ attributes, events, status, ...span }) => ({
        ...span,
        service: serviceOf(sender),
        attributes: objectOf(attributes),
        events: (events ?? []).map(({ name }) => name),
        failed: status.code === 2,
      })),
    ),
  );
}

function keepMetrics(metrics: OtlpReceiver['metrics'], { resourceMetrics }: Metrics): void {
  for (const sender of resourceMetrics) {
    const service = serviceOf(sender);
    const names = metrics.get(service) ?? new Set();
    metrics.set(service, names);
    for (const scope of sender.scopeMetrics) for (const { name } of scope.metrics) names.add(name);
  }
}
