export { mayBecome, statusAt, type ApprovalStatus } from './states.js';
export { labelOf, type Delegation, type Person } from './people.js';
export {
  castVote,
  rightOf,
  standingOf,
  type Ballot,
  type Demand,
  type NotTaken,
  type Right,
  type Standing,
  type Verdict,
  type Vote,
} from './vote.js';
export {
  endWaiting,
  findApproval,
  lockApproval,
  type ApprovalRow,
} from './queries/approval-request.js';
export {
  insertVote,
  readBallots,
  readPeople,
  type LoadedBallot,
  type VoteRow,
} from './queries/ballot.js';
export {
  listApprovals,
  type ApprovalFilter,
  type ShownApproval,
  type Viewer,
} from './queries/list-approvals.js';
export { approvalBacklog, type ApprovalBacklog } from './queries/backlog.js';
export { decidedBefore, type DecidedApproval } from './queries/decided-before.js';
export { whatChanged } from './queries/what-changed.js';
export { noteGiven, previewsOf, type PreviewRow } from './queries/previews.js';
