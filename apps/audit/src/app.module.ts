import { Module, type DynamicModule } from '@nestjs/common';
import type { AuditConfig } from '@conducktor/config';
import { createDb } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { Retention } from './retention/retention.js';
import { Sealer } from './seal/sealer.js';

/** Composition only: what seals, what forgets, and the database role they may use. */
@Module({})
export class AuditModule {
  static with(config: AuditConfig, logger: Logger): DynamicModule {
    const db = createDb(config.DATABASE_URL, { name: 'conducktor audit', max: 2 });
    return {
      module: AuditModule,
      providers: [
        { provide: Sealer, useFactory: () => new Sealer({ db, logger }) },
        {
          provide: Retention,
          useFactory: () => new Retention({ db, logger, archiveDir: config.ARCHIVE_DIR }),
        },
        { provide: 'DB', useValue: db },
      ],
      exports: [Sealer, Retention],
    };
  }
}
