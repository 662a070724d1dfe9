import { createMetrics, startMetricsServer, type Logger, type Registry } from '@conducktor/runtime';
import { openTelemetry, type TelemetryConfig } from './open-telemetry.js';
import type { Tracer } from './tracer.js';

/** How a process is seen from outside. */
export interface Observability {
  registry: Registry;
  /** Absent: nothing is traced. */
  tracer: Tracer | undefined;
  stop(): Promise<void>;
}

/**
 * The figures of one service, on METRICS_PORT for a scraper if there is one, and with its traces to a
 * collector if there is one.
 */
export async function openObservability(options: {
  service: string;
  config: TelemetryConfig & { HOST: string; METRICS_PORT?: number | undefined };
  logger: Logger;
}): Promise<Observability> {
  const { service, config, logger } = options;
  const registry = createMetrics(service);
  const telemetry = await openTelemetry({ service, config, registry, logger });
  const server =
    config.METRICS_PORT === undefined
      ? undefined
      : await startMetricsServer(config.HOST, config.METRICS_PORT, registry);
  return {
    registry,
    tracer: telemetry.tracer,
    stop: async () => {
      server?.close();
      server?.closeAllConnections();
      await telemetry.stop();
    },
  };
}
