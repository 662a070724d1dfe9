import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import type { Worker } from './open-worker.js';

export const WORKER = Symbol('Worker');

@Controller()
export class HealthController {
  constructor(@Inject(WORKER) private readonly worker: Worker) {}

  @Get(['healthz', 'health'])
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('readyz')
  async ready(): Promise<{ status: 'ready'; sandbox: string }> {
    const reason = await this.worker.notReady();
    if (reason !== undefined)
      throw new ServiceUnavailableException({ status: 'not ready', reason });
    return { status: 'ready', sandbox: this.worker.sandbox };
  }
}
