import type { Registry } from 'prom-client';
import { gauges } from './instruments.js';

/** Longer than a healthy answer takes, shorter than a scraper waits. */
const ANSWER_MS = 2_000;

/** Whether what this process depends on answers now: 1 or 0 for each, asked when somebody looks. */
export function dependencyMetrics(
  registry: Registry,
  dependencies: Readonly<Record<string, () => Promise<unknown>>>,
): void {
  gauges({
    registry,
    name: 'conducktor_dependency_up',
    help: 'Whether Postgres or Redis answered this process when it was asked: 1 or 0',
    labels: ['dependency'],
    read: () =>
      Promise.all(
        Object.entries(dependencies).map(async ([name, ask]) => [name, await isUp(ask)] as const),
      ),
  });
}

async function isUp(ask: () => Promise<unknown>): Promise<0 | 1> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<0>((resolve) => {
    timer = setTimeout(() => resolve(0), ANSWER_MS);
  });
  const asked = Promise.resolve()
    .then(ask)
    .then(
      () => 1 as const,
      () => 0 as const,
    );
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
