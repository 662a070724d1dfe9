import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortBlock, startOtlpReceiver } from '@conducktor/testing';
import type { TestProject } from 'vitest/node';
import { STACK_PORTS, startStack, stopStack } from './support/stack.js';

/** One real installation for all end-to-end tests, made and removed by the product's own commands. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'conducktor-e2e-'));
  // Everything is tested with telemetry on, as it is run.
  const collector = await startOtlpReceiver();
  const remove = async () => {
    await stopStack(dataDir);
    await collector.close();
    if (process.env.E2E_KEEP === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const stack = await startStack(dataDir, await freePortBlock(STACK_PORTS), {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_METRIC_EXPORT_INTERVAL: '2000',
    });
    project.provide('stack', stack);
    project.provide('collector', collector.url);
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
