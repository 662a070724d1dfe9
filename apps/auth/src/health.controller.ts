import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import type { Db } from '@conducktor/db';

export const DB = Symbol('Db');

@Controller()
export class HealthController {
  constructor(@Inject(DB) private readonly db: Db) {}

  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(): Promise<{ status: 'ready' }> {
    await this.db.pool.query('select 1').catch(() => {
      throw new ServiceUnavailableException({
        status: 'not ready',
        reason: 'Postgres does not answer.',
      });
    });
    return { status: 'ready' };
  }
}
