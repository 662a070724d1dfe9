import { createTestCluster } from './cluster.js';

/** vitest's `globalSetup`: announces the run's cluster to all workers. */
export default async function setup(): Promise<() => Promise<void>> {
  const cluster = await createTestCluster();
  Object.assign(process.env, cluster.env);
  return () => cluster.stop();
}
