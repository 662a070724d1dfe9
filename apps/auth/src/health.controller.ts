import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { readinessAnswer, type Readiness } from '@conducktor/runtime';
import type { WayOut } from './mail/way-out.js';

export const READINESS = Symbol('Readiness');
export const MAIL = Symbol('Mail');

@Controller()
export class HealthController {
  constructor(
    @Inject(READINESS) private readonly readiness: Readiness,
    @Inject(MAIL) private readonly mail: WayOut['kind'],
  ) {}

  @Get('healthz')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** `mail` is `off` when letters have nowhere to go: sign-in serves without, so that is no reason to fail. */
  @Get('readyz')
  async ready(): Promise<{ status: 'ready'; mail: WayOut['kind'] }> {
    const { status, body } = await readinessAnswer(this.readiness);
    if (status !== 200) throw new ServiceUnavailableException(body);
    return { status: 'ready', mail: this.mail };
  }
}
