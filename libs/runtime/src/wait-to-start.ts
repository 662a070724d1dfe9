import { setTimeout as sleep } from 'node:timers/promises';
import { startHealthServer, type Missing } from './health.js';
import type { Logger } from './logger.js';

const CHECK_MS = 500;
/** What does not change is said again this often. */
const SAY_AGAIN_MS = 60_000;

/**
 * Resolves when `check` finds nothing missing. Until then probes are answered on the service's port:
 * alive, not ready and why. So services may start in any order, before what they need and without anybody
 * who starts them again.
 */
export async function waitToStart(options: {
  host: string;
  port: number;
  logger: Logger;
  check: () => Promise<readonly Missing[]>;
}): Promise<void> {
  const { logger, check } = options;
  let missing = await check();
  if (missing.length === 0) return;
  const began = performance.now();
  const server = await startHealthServer({ ...options, starting: true, readiness: () => missing });
  let said = '';
  let saidAt = 0;
  while (missing.length > 0) {
    const reason = missing.map((one) => one.reason).join(' ');
    if (reason !== said || performance.now() - saidAt > SAY_AGAIN_MS) {
      logger.warn({ missing }, `Waiting to start. ${reason}`);
      said = reason;
      saidAt = performance.now();
    }
    await sleep(CHECK_MS);
    missing = await check();
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  logger.info({ waitedMs: Math.round(performance.now() - began) }, 'Nothing is missing any more');
}
