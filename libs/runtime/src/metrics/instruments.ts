/**
 * Counters and histograms for hot paths: an increment is an addition, an observation a short search in
 * a typed array. They register with prom-client, which writes them out; its own histogram builds an
 * object and hashes labels with each observation, which is microseconds of every call.
 */
import type { Metric, Registry } from 'prom-client';

/** Label values beyond these are summed under `other`: who can make values up must not fill the memory. */
const MOST_CHILDREN = 100;
const OTHER = 'other';

export interface InstrumentOptions<Label extends string> {
  registry: Registry;
  /** Prometheus naming: base unit and, of a counter, `_total` at the end. */
  name: string;
  help: string;
  labels?: readonly Label[];
  mostChildren?: number;
}

interface Sample {
  value: number;
  labels: Record<string, string | number>;
  metricName?: string;
}

export class Count {
  value = 0;
  inc(by = 1): void {
    this.value += by;
  }
}

/** Children by the values of their labels; the first `mostChildren` have their own. */
class Children<Child> {
  readonly #children = new Map<string, { labels: Record<string, string>; child: Child }>();

  constructor(
    private readonly names: readonly string[],
    private readonly make: () => Child,
    private readonly most = MOST_CHILDREN,
  ) {}

  of(values: readonly string[]): Child {
    const key = values.length === 1 ? values[0]! : values.join('\u0000');
    const known = this.#children.get(key);
    if (known) return known.child;
    const others = this.names.map(() => OTHER);
    const isRoom = this.#children.size < this.most || values.every((value) => value === OTHER);
    if (!isRoom) return this.of(others);
    const labels = Object.fromEntries(this.names.map((name, at) => [name, values[at] ?? '']));
    const child = this.make();
    this.#children.set(key, { labels, child });
    return child;
  }

  *[Symbol.iterator](): Iterator<{ labels: Record<string, string>; child: Child }> {
    yield* this.#children.values();
  }
}

export class CounterFamily<Label extends string = never> {
  readonly #children: Children<Count>;

  constructor(options: InstrumentOptions<Label>) {
    const { registry, name, help, labels = [] } = options;
    this.#children = new Children<Count>(labels, () => new Count(), options.mostChildren);
    if (labels.length === 0) this.of();
    register(registry, name, help, 'counter', () =>
      [...this.#children].map(({ labels: of, child }) => ({ value: child.value, labels: of })),
    );
  }

  /** Values in the order of the label names. Keep the result where the values are known beforehand. */
  of(...values: string[]): Count {
    return this.#children.of(values);
  }
}

export class Buckets {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    const { bounds } = this;
    for (let at = 0; at < bounds.length; at++) {
      if (value <= bounds[at]!) {
        this.counts[at]!++;
        return;
      }
    }
  }
}

export class HistogramFamily<Label extends string = never> {
  readonly #children: Children<Buckets>;

  constructor(options: InstrumentOptions<Label> & { buckets: readonly number[] }) {
    const { registry, name, help, labels = [], buckets } = options;
    this.#children = new Children<Buckets>(
      labels,
      () => new Buckets(buckets),
      options.mostChildren,
    );
    if (labels.length === 0) this.of();
    register(registry, name, help, 'histogram', () =>
      [...this.#children].flatMap(({ labels: of, child }) => histogramSamples(name, of, child)),
    );
  }

  of(...values: string[]): Buckets {
    return this.#children.of(values);
  }
}

function histogramSamples(name: string, labels: Record<string, string>, child: Buckets): Sample[] {
  let below = 0;
  const samples: Sample[] = child.bounds.map((le, at) => {
    below += child.counts[at]!;
    return { metricName: `${name}_bucket`, value: below, labels: { le, ...labels } };
  });
  samples.push({
    metricName: `${name}_bucket`,
    value: child.count,
    labels: { le: '+Inf', ...labels },
  });
  samples.push({ metricName: `${name}_sum`, value: child.sum, labels });
  samples.push({ metricName: `${name}_count`, value: child.count, labels });
  return samples;
}

type Read = () => number | undefined | Promise<number | undefined>;

/**
 * A figure that is looked up when somebody asks for it; `undefined`, or a failure to look it up, leaves
 * it out, as Prometheus wants of what is not known.
 */
export function gauge(options: InstrumentOptions<never> & { read: Read }): void {
  const { registry, name, help, read } = options;
  register(registry, name, help, 'gauge', async () => {
    const value = await Promise.resolve()
      .then(read)
      .catch(() => undefined);
    return value === undefined ? [] : [{ value, labels: {} }];
  });
}

/** A count that its owner keeps. */
export function counter(options: InstrumentOptions<never> & { read: () => number }): void {
  const { registry, name, help, read } = options;
  register(registry, name, help, 'counter', () => [{ value: read(), labels: {} }]);
}

/** The same with labels; `read` gives the values of the labels in their order, and the figure. */
export function gauges<Label extends string>(
  options: InstrumentOptions<Label> & {
    read: () =>
      | Iterable<readonly [...string[], number]>
      | Promise<Iterable<readonly [...string[], number]>>;
  },
): void {
  const { registry, name, help, labels = [], read, mostChildren = MOST_CHILDREN } = options;
  register(registry, name, help, 'gauge', async () => {
    const rows = await Promise.resolve()
      .then(read)
      .catch(() => []);
    return [...rows].slice(0, mostChildren).map((row) => ({
      value: row.at(-1) as number,
      labels: Object.fromEntries(labels.map((label, at) => [label, row[at] as string])),
    }));
  });
}

function register(
  registry: Registry,
  name: string,
  help: string,
  type: 'counter' | 'gauge' | 'histogram',
  values: () => Sample[] | Promise<Sample[]>,
): void {
  const get = async () => ({ name, help, type, values: await values(), aggregator: 'sum' });
  // The registry asks a metric for its name and for what `get` answers, nothing else.
  registry.registerMetric({ name, get } as unknown as Metric);
}
