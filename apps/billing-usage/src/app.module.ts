import { Module, type DynamicModule } from '@nestjs/common';
import type { BillingConfig } from '@conducktor/config';
import { createDb } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { AlertWatch } from './alerts/alert-watch.js';
import { Poster } from './post/poster.js';

// Making the days of a large workspace anew takes longer than a statement of a request may.
const STATEMENT_MS = 120_000;

/** Composition only: what keeps the ledger and tells of money, and the database role they may use. */
@Module({})
export class BillingModule {
  static with(config: BillingConfig, logger: Logger): DynamicModule {
    const db = createDb(config.DATABASE_URL, {
      name: 'conducktor billing-usage',
      max: 2,
      statementTimeoutMs: STATEMENT_MS,
    });
    return {
      module: BillingModule,
      providers: [
        { provide: Poster, useFactory: () => new Poster({ db, logger }) },
        { provide: AlertWatch, useFactory: () => new AlertWatch({ db, logger }) },
        { provide: 'DB', useValue: db },
      ],
      exports: [Poster, AlertWatch],
    };
  }
}
