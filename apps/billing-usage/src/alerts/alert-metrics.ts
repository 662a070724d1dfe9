import { counter, gauge, type Registry } from '@conducktor/runtime';
import type { AlertWatch } from './alert-watch.js';

/** Whether alerts are looked for, and how many were given. */
export function alertMetrics(registry: Registry, watch: AlertWatch): void {
  gauge({
    registry,
    name: 'conducktor_alerts_checked_seconds',
    help: 'Seconds since budgets, usage and connections were last all looked at for alerts',
    read: () => watch.ageSeconds,
  });
  counter({
    registry,
    name: 'conducktor_alerts_total',
    help: 'Alerts of which this process had people told',
    read: () => watch.told,
  });
}
