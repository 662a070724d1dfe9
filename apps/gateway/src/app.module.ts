import { Module, type DynamicModule } from '@nestjs/common';
import type { GatewayConfig } from '@conducktor/config';
import type { Logger } from '@conducktor/runtime';
import type { Observability } from '@conducktor/telemetry';
import { openGoverned, type Governed } from './open-governed.js';

export const GOVERNED = Symbol('GOVERNED');

/** Composition only: the story of this process. Routes are added in `main.ts`. */
@Module({})
export class GatewayModule {
  static with(
    config: GatewayConfig,
    logger: Logger,
    { registry, tracer }: Pick<Observability, 'registry' | 'tracer'>,
  ): DynamicModule {
    return {
      module: GatewayModule,
      providers: [
        {
          provide: GOVERNED,
          useFactory: (): Promise<Governed> =>
            openGoverned({
              publicUrl: config.PUBLIC_URL,
              databaseUrl: config.DATABASE_URL,
              redisUrl: config.REDIS_URL,
              secretKey: config.SECRET_KEY,
              workers: config.WORKERS,
              controlRpc: config.CONTROL_RPC,
              ratePerMinute: config.RATE_LIMIT_PER_MINUTE,
              maxWaiting: config.MAX_WAITING_CALLS,
              logger,
              registry,
              tracer,
            }),
        },
      ],
      exports: [GOVERNED],
    };
  }
}
