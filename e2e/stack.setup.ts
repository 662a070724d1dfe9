import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startStack, stopStack } from './support/stack.js';

/** First of 16 ports; beside the default of `npm start`, so that both can run. */
export const PORT_BASE = Number(process.env.E2E_PORT_BASE ?? 20_720);

/** One real installation for all end-to-end tests, made and removed by the product's own commands. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'conducktor-e2e-'));
  const remove = async () => {
    await stopStack(dataDir);
    if (process.env.E2E_KEEP === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    project.provide('stack', await startStack(dataDir, PORT_BASE));
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
