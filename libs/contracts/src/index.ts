export { isLogLevel, isLogWanted, LOG_LEVELS } from './log-levels.js';
export { newId, type IdPrefix } from './ids.js';
export { CODES, ConducktorError, type Code } from './errors.js';
export {
  FrameType,
  type CallRequest,
  type CallResult,
  type Charge,
  type CommittedNote,
  type JournalKey,
  type LateOutcome,
  type OutcomeKind,
  type PriceQuote,
  type ProgressNote,
  type RefreshRequest,
  type RefreshResult,
  type AskMethod,
  type AskNote,
  type CallMethod,
  type ClientCapabilities,
  type NotificationNote,
  type ReplyNote,
  type ResumeRequest,
  type UpstreamEvent,
  type UpstreamServer,
  type WatchAnswer,
  type WatchRequest,
} from './rpc.js';
export {
  Approvers,
  policyJsonSchema,
  PolicyDocument,
  PolicyEffect,
  PolicyRule,
  PolicyTest,
  Redact,
  RuleMatch,
  Span,
  spanMs,
  TimeWindow,
  ToolClass,
  ToolLabel,
} from './policy-document.js';
export { idOf, Instant, PageQuery, pageOf, Problem, Role, Timestamp } from './rest/common.js';
export {
  Connection,
  ConnectionCreated,
  ConnectionPatch,
  ConnectionStatus,
  ConnectionTested,
  NewConnection,
} from './rest/connections.js';
export {
  ToolAcceptance,
  ToolChange,
  ToolPatch,
  ToolQuery,
  ToolRejection,
  ToolView,
} from './rest/tools.js';
export {
  FROM_CALL,
  KeptPreview,
  PREVIEW_SIDES,
  StoredPreview,
  ToolPreview,
  type PreviewSide,
  type StoredRead,
} from './rest/tool-preview.js';
export {
  ENTRY_NAMES,
  NewToolset,
  ToolsetMode,
  ToolsetPatch,
  ToolsetPrefix,
  ToolsetView,
  type EntryName,
} from './rest/toolsets.js';
export {
  NewPolicy,
  PolicyActivated,
  PolicyCreated,
  PolicySummary,
  PolicyView,
} from './rest/policies.js';
export {
  ExplainRequest,
  NewSimulation,
  NotJudged,
  PolicyDiff,
  PolicyExplanation,
  ReadyMadeDraft,
  ReadyMadePolicy,
  SimulatedEffect,
  SimulationChangeView,
  SimulationView,
  UseReadyMade,
} from './rest/policy-rehearsal.js';
export {
  ApprovalDecided,
  ApprovalDetail,
  ApprovalQuery,
  ApprovalReason,
  ApprovalState,
  ApprovalView,
  DelegationView,
  NewDelegation,
  TAKEN_BACK,
} from './rest/approvals.js';
export { AppQuery, AppView, ConnectedSession, SessionQuery } from './rest/apps.js';
export { FreezeView, NewFreeze } from './rest/freeze.js';
export { CallAllowance, LimitKind, LimitPatch, LimitView, NewLimit } from './rest/limits.js';
export {
  GroupPatch,
  GroupView,
  Invitation,
  InvitedMember,
  MemberPatch,
  MemberView,
  NewGroup,
  NewMember,
} from './rest/members.js';
export { DeclaredScope, FreezeKind, Permission, ToolCost } from './rest/access.js';
export {
  BudgetHistory,
  BudgetPatch,
  BudgetPeriod,
  BudgetScopeKind,
  BudgetView,
  NewBudget,
} from './rest/budgets.js';
export { HeldCallView, Reconciled, Reconciliation } from './rest/held-calls.js';
export { NewPriceList, PriceListPatch, PriceListView, PriceOfTools } from './rest/price-lists.js';
export { AlertKind, AlertQuery, AlertView } from './rest/alerts.js';
export {
  NewNotificationChannel,
  NotificationChannelPatch,
  NotificationChannelView,
  NotificationDeliveryQuery,
  NotificationDeliveryView,
  NotificationKind,
  NotificationState,
  NotificationTested,
} from './rest/notifications.js';
export { InitialAccessTokenCreated, InitialAccessTokenView } from './rest/clients.js';
export { ApiKeyCreated, ApiKeyView, NewApiKey } from './rest/api-keys.js';
export {
  ActivityQuery,
  AuditEventView,
  AuditExportQuery,
  AuditExportTrailer,
  AuditPayload,
  AuditQuery,
  CallOutcome,
  SealedEventView,
} from './rest/audit.js';
export { UsageDimension, UsageItem, UsageQuery, UsageReport } from './rest/usage.js';
export { LedgerEntry, LedgerQuery, LedgerTrailer } from './rest/ledger.js';
export { Me, SessionView, WorkspacePatch, WorkspaceView } from './rest/workspace.js';
export {
  APPROVE_REQUEST,
  APPROVE_WORKFLOW_RUN,
  REJECT_REQUEST,
} from './management/approve-request.js';
export { CREATE_CONNECTION } from './management/create-connection.js';
export { CREATE_POLICY } from './management/create-policy.js';
export { GET_APPROVAL } from './management/get-approval.js';
export { GET_CONNECTION_HEALTH } from './management/get-connection-health.js';
export { GET_USAGE_STATS } from './management/get-usage-stats.js';
export { LIST_APPROVALS } from './management/list-approvals.js';
export { LIST_CONNECTIONS } from './management/list-connections.js';
export { LIST_POLICIES } from './management/list-policies.js';
export {
  MANAGEMENT_CONNECTION,
  managementSchemas,
  managementTool,
  type ManagementTool,
} from './management/tool.js';
export { MANAGEMENT_TOOLS } from './management/tools.js';
