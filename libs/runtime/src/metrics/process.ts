import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * A registry with the process's own figures: processor time, resident memory, heap, event-loop lag,
 * garbage collections. Every sample carries the label `service`.
 */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}
