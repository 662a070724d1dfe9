import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortBlock } from '@conducktor/testing';
import type { TestProject } from 'vitest/node';
import { STACK_PORTS, startStack, stopStack } from './support/stack.js';

/** One real installation for all end-to-end tests, made and removed by the product's own commands. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'conducktor-e2e-'));
  const remove = async () => {
    await stopStack(dataDir);
    if (process.env.E2E_KEEP === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    project.provide('stack', await startStack(dataDir, await freePortBlock(STACK_PORTS)));
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
