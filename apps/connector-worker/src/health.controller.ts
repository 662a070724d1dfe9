import { Controller, Get, Inject, ServiceUnavailableException } from '@nestjs/common';
import { readinessAnswer } from '@conducktor/runtime';
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
    const { status, body } = await readinessAnswer(this.worker.readiness);
    if (status !== 200) throw new ServiceUnavailableException(body);
    return { status: 'ready', sandbox: this.worker.sandbox };
  }
}
