import { readFileSync } from 'node:fs';
import { replaceFile } from '@conducktor/embedded';

export type UnitStatus = 'stopped' | 'starting' | 'running' | 'restarting';

export interface UnitView {
  name: string;
  status: UnitStatus;
  pid: number | null;
  port: number;
  restarts: number;
  log: string;
}

/** Who signs in to the demo workspace, and the key for scripts. */
export interface DemoAccess {
  workspace: string;
  email: string;
  password: string;
  apiKey: string;
  /** Somebody of the group `contractors`. */
  contractor: { email: string; password: string };
}

export interface Step {
  label: string;
  startedAt: number;
  ms?: number;
  /** What it is busy with. */
  note?: string;
}

/** What the supervisor tells everybody else, through a file that only its owner may read. */
export interface StackState {
  pid: number;
  publicUrl: string;
  portBase: number;
  steps: Step[];
  services: UnitView[];
  /** Everything was up once and the demo is prepared. */
  prepared: boolean;
  demo?: DemoAccess;
  /** Why it gave up. */
  error?: string;
}

export function writeState(path: string, state: StackState): void {
  replaceFile(path, JSON.stringify(state));
}

export function readState(path: string): StackState | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StackState;
  } catch {
    return undefined;
  }
}

/** Ready to serve: prepared once, and every part is running now. */
export function isReady(state: StackState): boolean {
  return state.prepared && state.services.every((service) => service.status === 'running');
}
