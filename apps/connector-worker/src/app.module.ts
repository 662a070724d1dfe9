import { type DynamicModule, Module } from '@nestjs/common';
import { HealthController, WORKER } from './health.controller.js';
import type { Worker } from './open-worker.js';

/** Health only: calls come over the framed RPC, which open-worker.ts puts together. */
@Module({})
export class WorkerModule {
  static with(worker: Worker): DynamicModule {
    return {
      module: WorkerModule,
      controllers: [HealthController],
      providers: [{ provide: WORKER, useValue: worker }],
    };
  }
}
