import { Module, type DynamicModule } from '@nestjs/common';
import { databaseReadiness, type Db } from '@conducktor/db';
import { STOPPING, type Readiness } from '@conducktor/runtime';
import { HealthController, MAIL, READINESS } from './health.controller.js';
import type { WayOut } from './mail/way-out.js';

function readinessOf({ db, stopping }: { db: Db; stopping: () => boolean }): Readiness {
  const postgres = databaseReadiness(db);
  return () => (stopping() ? STOPPING : postgres());
}

/** Pages and OAuth endpoints are Fastify routes of their own: see create-app.ts. */
@Module({})
export class AppModule {
  static with(deps: { db: Db; mail: WayOut['kind']; stopping: () => boolean }): DynamicModule {
    return {
      module: AppModule,
      controllers: [HealthController],
      providers: [
        { provide: READINESS, useValue: readinessOf(deps) },
        { provide: MAIL, useValue: deps.mail },
      ],
    };
  }
}
