import { resolve, join } from 'node:path';

/** The root of this clone. */
export const REPOSITORY = resolve(import.meta.dirname, '../../../..');

/** Ports of a stack whose first is `base`; all on loopback. */
export function portsOf(base: number) {
  return {
    gateway: base,
    auth: base + 1,
    control: base + 2,
    workerRpc: base + 3,
    audit: base + 4,
    worker: base + 5,
    controlRpc: base + 6,
    postgres: base + 10,
    redis: base + 11,
    everything: base + 12,
    gatewayMetrics: base + 7,
    authMetrics: base + 8,
    controlMetrics: base + 9,
    workerMetrics: base + 13,
    auditMetrics: base + 14,
    billing: base + 15,
    billingMetrics: base + 16,
  };
}
export type Ports = ReturnType<typeof portsOf>;

/** Files of a data directory. */
export function filesOf(data: string) {
  return {
    version: join(data, 'version.json'),
    secrets: join(data, 'secrets.json'),
    demo: join(data, 'demo.json'),
    demoFiles: join(data, 'demo-files'),
    stdioCatalog: join(data, 'stdio-catalog.json'),
    run: join(data, 'run'),
    lock: join(data, 'run/lock'),
    state: join(data, 'run/state.json'),
    workerSocket: join(data, 'run/worker.sock'),
    mail: join(data, 'mail'),
    archive: join(data, 'archive'),
    logs: join(data, 'logs'),
    log: (name: string) => join(data, 'logs', `${name}.log`),
  };
}
