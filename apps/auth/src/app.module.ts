import { Module, type DynamicModule } from '@nestjs/common';
import type { Db } from '@conducktor/db';
import { DB, HealthController, MAIL } from './health.controller.js';
import type { WayOut } from './mail/way-out.js';

/** Pages and OAuth endpoints are Fastify routes of their own: see create-app.ts. */
@Module({})
export class AppModule {
  static with(deps: { db: Db; mail: WayOut['kind'] }): DynamicModule {
    return {
      module: AppModule,
      controllers: [HealthController],
      providers: [
        { provide: DB, useValue: deps.db },
        { provide: MAIL, useValue: deps.mail },
      ],
    };
  }
}
