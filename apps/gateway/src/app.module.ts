import { Module, type DynamicModule } from '@nestjs/common';
import type { GatewayConfig } from '@conducktor/config';
import { createMetrics, type Logger } from '@conducktor/runtime';
import { openGoverned, type Governed } from './open-governed.js';

export const GOVERNED = Symbol('GOVERNED');
export const METRICS = Symbol('METRICS');

/** Composition only: the story of this process and its figures. Routes are added in `main.ts`. */
@Module({})
export class GatewayModule {
  static with(config: GatewayConfig, logger: Logger): DynamicModule {
    const registry = createMetrics('gateway');
    return {
      module: GatewayModule,
      providers: [
        { provide: METRICS, useValue: registry },
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
              logger,
              registry,
            }),
        },
      ],
      exports: [GOVERNED, METRICS],
    };
  }
}
