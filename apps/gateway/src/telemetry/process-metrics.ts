import { counter, dependencyMetrics, gauge, gauges, type Registry } from '@conducktor/runtime';
import type { Journal } from '../journal/journal.js';
import type { Gate } from '../overload/gate.js';
import type { RunningCalls } from '../tool-call/running-calls.js';

/** How this gateway stands, looked up when somebody asks. */
export function processMetrics(
  registry: Registry,
  parts: {
    journal: Journal;
    runningCalls: RunningCalls;
    gate: Pick<Gate, 'refused' | 'waiting'>;
    postgres(): Promise<unknown>;
    redis(): Promise<unknown>;
  },
): void {
  const { journal, runningCalls, gate, postgres, redis } = parts;
  gauges({
    registry,
    name: 'conducktor_journal_oldest_wait_seconds',
    help: 'How long the oldest intent or settlement has waited to become durable; 0 when none waits',
    labels: ['kind'],
    read: () => {
      const { intentMs, settlementMs } = journal.oldestWait;
      return [
        ['intent', intentMs / 1_000],
        ['settlement', settlementMs / 1_000],
      ];
    },
  });
  gauge({
    registry,
    name: 'conducktor_journal_ready',
    help: 'Whether calls can be recorded now: 1 or 0',
    read: () => Number(journal.ready),
  });
  gauge({
    registry,
    name: 'conducktor_open_calls',
    help: 'Calls that are at a worker, those included that wait there for a person',
    read: () => runningCalls.size,
  });
  gauge({
    registry,
    name: 'conducktor_requests_waiting',
    help: 'Requests that wait for this process, not for an upstream',
    read: () => gate.waiting,
  });
  counter({
    registry,
    name: 'conducktor_shed_requests_total',
    help: 'Requests that were answered 503 unread, because serving them would have kept the others',
    read: () => gate.refused,
  });
  dependencyMetrics(registry, { postgres, redis });
}

/** The lasting streams of clients on this gateway. */
export function streamMetrics(registry: Registry, streams: { readonly size: number }): void {
  gauge({
    registry,
    name: 'conducktor_open_streams',
    help: 'Event streams that clients hold open here',
    read: () => streams.size,
  });
}
