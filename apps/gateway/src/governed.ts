import type { ApproveDeps } from './approvals/approve.js';
import type { AuthenticateDeps } from './tool-call/authenticate.js';
import type { AdmitDeps } from './tool-call/admit.js';
import type { AttachDeps } from './tool-call/attach.js';
import type { LimitDeps } from './tool-call/limit.js';
import type { RefuseDeps } from './tool-call/refuse.js';
import type { SchemaCache } from './tool-call/check-arguments.js';
import type { ListDeps } from './lists/lists.js';
import type { Watches } from './subscriptions/watches.js';
import type { InteractionDeps } from './interaction/converse.js';

/** What the steps of a governed entry need; each step asks only for its own part. */
export interface GovernedDeps
  extends
    AuthenticateDeps,
    LimitDeps,
    AdmitDeps,
    AttachDeps,
    InteractionDeps,
    ListDeps,
    RefuseDeps,
    ApproveDeps {
  schemas: SchemaCache;
  watches: Watches;
}
