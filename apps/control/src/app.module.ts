import { Module, type DynamicModule } from '@nestjs/common';
import type { Control } from './control.js';

export const CONTROL = Symbol('CONTROL');

/** Composition only: routes are Fastify's own, see create-app.ts. */
@Module({})
export class ControlModule {
  static with(control: Control): DynamicModule {
    return {
      module: ControlModule,
      providers: [{ provide: CONTROL, useValue: control }],
      exports: [CONTROL],
    };
  }
}
