import { inject } from 'vitest';
import { portsOf } from '../../apps/cli/dist/stack/layout.js';

/** What `/metrics` of every service of the running stack says, by service. */
export async function scrape(): Promise<Map<string, string>> {
  const ports = portsOf(inject('stack').portBase);
  const of = async (service: string, port: number) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return [service, await response.text()] as const;
  };
  return new Map(
    await Promise.all([
      of('gateway', ports.gatewayMetrics),
      of('auth', ports.authMetrics),
      of('control', ports.controlMetrics),
      of('connector-worker', ports.workerMetrics),
      of('audit', ports.auditMetrics),
      of('billing-usage', ports.billingMetrics),
    ]),
  );
}

/** Names that have samples; of a histogram its three. */
export function namesIn(text: string): Set<string> {
  const names = text.split('\n').flatMap((line) => /^([a-z][a-z0-9_]*)[{ ]/.exec(line)?.[1] ?? []);
  return new Set(names);
}
