import type { BudgetAtRefusal } from '@conducktor/audit-log';
import type { Code, LimitKind } from '@conducktor/contracts';
import type { Workspace } from '../workspace/types.js';
import type { Caller } from './types.js';

/** How many characters the arguments have in canonical form, and what of them is kept, if anything is. */
export interface KeptArguments {
  size: number;
  json: string | undefined;
  redacted: boolean;
}

/** By which allowance a call was refused: the workspace's own, or the one of this id. */
export interface RefusedLimit {
  kind: LimitKind | 'workspace';
  id?: string;
}

/**
 * A call that ends before it is sent. `caller` is known from authenticate on; what was refused with
 * a known caller is recorded, without one it is only counted.
 */
export class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly about: {
      caller?: Caller;
      toolName?: string;
      connection?: string;
      rule?: string;
      argumentsHash?: string;
      /** Where policy refused: what audit keeps of the arguments. Asked for only when it is written. */
      kept?: () => KeptArguments;
      /** The request for approval that was made of it. */
      approval?: string;
      /** The one that it was to be read for. */
      previewOf?: string;
      retryAfterMs?: number;
      /** What the budget that has no room for it held at that moment. */
      budget?: BudgetAtRefusal;
      /** For rate_limited: which allowance was used up. */
      limit?: RefusedLimit;
      /** As the client wrote it, for unknown_resource. */
      uri?: string;
      /** All scopes that the call needs, for insufficient_scope. */
      scopes?: string[];
    } = {},
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

/** The approval that the call brought was used, or ended, meanwhile: look again. */
export class ApprovalGone extends Error {
  constructor() {
    super('The approval of this call could not be used.');
  }
}

/** The workspace changed between deciding and admitting: decide again. */
export class StaleDecision extends Error {
  constructor(readonly workspace: Workspace) {
    super('The workspace changed after this call was decided.');
  }
}
