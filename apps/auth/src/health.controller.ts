import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import type { Db } from '@conducktor/db';
import type { WayOut } from './mail/way-out.js';

export const DB = Symbol('Db');
export const MAIL = Symbol('Mail');

@Controller()
export class HealthController {
  constructor(
    @Inject(DB) private readonly db: Db,
    @Inject(MAIL) private readonly mail: WayOut['kind'],
  ) {}

  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** `mail` is `off` when letters have nowhere to go: sign-in serves without, so that is no reason to fail. */
  @Get('readyz')
  async ready(): Promise<{ status: 'ready'; mail: WayOut['kind'] }> {
    await this.db.pool.query('select 1').catch(() => {
      throw new ServiceUnavailableException({
        status: 'not ready',
        reason: 'Postgres does not answer.',
      });
    });
    return { status: 'ready', mail: this.mail };
  }
}
