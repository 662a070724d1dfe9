export { takeBaseBackup } from './base-backup.js';
export { createDb, withTenant, type Db, type TenantTx } from './db.js';
export { workspaceOffer, type WorkspaceOffer } from './queries/workspace-offer.js';
export { databaseReadiness, waitForDatabase } from './database-readiness.js';
export { isAway } from './is-away.js';
export { listenTo } from './listen.js';
export { migrate } from './migrate.js';
export type { BoundCall } from './bound-call.js';
export { openEpochSession, type EpochSession } from './epoch-session.js';
export {
  addFirstSigningKey,
  addNextSigningKey,
  forgetSigningKeys,
  listSigningKeys,
  readSealedSigningKeys,
  readSigningKeys,
  replaceSigningKeys,
  type ListedSigningKey,
  type PublicSigningKey,
  type SealedSigningKey,
  type SigningKeyState,
  type StoredSigningKey,
} from './queries/signing-key.js';
export {
  countApiKeys,
  findApiKey,
  insertApiKey,
  lockMember,
  type ApiKeyRow,
} from './queries/api-key.js';
export { acceptInvitation, findInvitation, type OpenInvitation } from './queries/invitation.js';
export {
  consumeOidcPayload,
  deleteOidcPayload,
  deleteOidcPayloadsOfGrant,
  findOidcPayload,
  insertOidcPayload,
  keepOidcPayload,
  pruneOidcPayloads,
  takeOidcPayload,
  upsertOidcPayload,
  type OidcPayload,
  type StoredOidcPayload,
} from './queries/oidc-payload.js';
export {
  insertRegisteredClient,
  keepClientDocument,
  makeRoomForClient,
} from './queries/registered-client.js';
export {
  findInitialAccessToken,
  useInitialAccessToken,
  type OpenInitialAccessToken,
} from './queries/initial-access-token.js';
export {
  findLiveGrant,
  insertGrant,
  revokeGrant,
  type LiveGrant,
  type NewGrant,
} from './queries/oauth-grant.js';
export {
  claimUser,
  findUser,
  findUserByEmail,
  insertUser,
  updatePasswordHash,
  type UserAccount,
} from './queries/user-account.js';
export {
  insertWorkspace,
  membershipsOf,
  type Membership,
  type NewWorkspace,
} from './queries/workspace.js';
export {
  clearAttempts,
  pruneAttempts,
  returnAttempt,
  takeAttempt,
  type Allowance,
} from './queries/attempt-limit.js';
export { findBrowserSession, touchApiKey, type BrowserPerson } from './queries/browser-session.js';
export { instanceId } from './queries/instance.js';
export { recordControlEvent, type ControlEvent } from './queries/audit-outbox.js';
export {
  createPrismaDb,
  DbNull,
  type Prisma,
  type PrismaDb,
  type PrismaTx,
} from './prisma/prisma.js';
export {
  lockConnection,
  setConnectionServer,
  setConnectionStatus,
  type LockedConnection,
} from './queries/connection.js';
export {
  acceptOffered,
  holdTools,
  insertTools,
  markToolsRemoved,
  pinnedDefinitions,
  readmitTools,
  refuseOffered,
  relistTools,
  toolChangesOf,
  toolsOfConnection,
  type AddedTool,
  type CatalogueTool,
  type ListedTool,
} from './queries/tool.js';
export {
  findWorkerConnection,
  isConnectionFrozen,
  type WorkerConnectionRow,
} from './queries/worker-connection.js';
export {
  findAuditEvent,
  listAuditEvents,
  type AuditConditions,
  type AuditFilter,
  type AuditRow,
} from './queries/audit-event.js';
export { firstSeq, lastSeq, sealedEventsBetween, type SealedRow } from './queries/sealed-event.js';
export { findCallPayload, type CallPayloadRow } from './queries/call-payload.js';
export {
  answersOf,
  recordedCallsBetween,
  sealedArgumentsOf,
  seqAt,
  type RecordedCallFilter,
  type RecordedCallRow,
} from './queries/recorded-call.js';
export {
  advanceSimulation,
  cancelSimulation,
  claimSimulation,
  failSimulation,
  findSimulation,
  insertSimulation,
  listSimulations,
  liveSimulation,
  releaseSimulation,
  simulationChanges,
  type SimulationChange,
  type SimulationRow,
  type SimulationStatus,
} from './queries/policy-simulation.js';
export {
  budgetChanges,
  budgetPeriods,
  countBudgets,
  deleteBudget,
  findBudget,
  holdBudget,
  insertBudget,
  insertBudgetChange,
  listBudgets,
  updateBudget,
  type BudgetPeriodRow,
  type BudgetRow,
} from './queries/budget.js';
export { findBudgetScope } from './queries/budget-scope.js';
export {
  heldMicros,
  listHeldCalls,
  reconcileHeldCall,
  type HeldCallRow,
} from './queries/held-call.js';
export {
  ledgerEntries,
  ledgerHead,
  type LedgerPlace,
  type LedgerRow,
  type LedgerSide,
} from './queries/ledger.js';
export { readUsage, type Usage, type UsageFilter, type UsageRow } from './queries/usage.js';
export {
  claimMail,
  failMail,
  insertMail,
  markMailSent,
  postponeMail,
  pruneMail,
  type ClaimedMail,
  type NewMail,
  waitingMail,
} from './queries/mail-outbox.js';
export {
  checkAlerts,
  findAlert,
  listAlerts,
  membersInRoles,
  pruneAlerts,
  type AlertCheck,
  type AlertRow,
} from './queries/alert.js';
export {
  buryDelivery,
  channelsFor,
  claimNotifications,
  findDelivery,
  insertDelivery,
  letterAddresses,
  markDelivered,
  notificationBacklog,
  postponeDelivery,
  pruneNotifications,
  takeNotificationEvent,
  waitingNotificationEvents,
  type ClaimedDelivery,
  type DeliveryRow,
  type NotificationEventRow,
} from './queries/notification.js';
export { inTransaction, type InstallationTx } from './installation-tx.js';
export {
  findMailedLink,
  insertMailedLink,
  pruneMailedLinks,
  useMailedLink,
  voidMailedLinks,
  type LinkKind,
  type MailedLink,
} from './queries/mailed-link.js';
export {
  changeEmail,
  emailVerifiedAt,
  endSignInsUnderWay,
  forgetUnproven,
  markEmailVerified,
  setDisplayName,
  setPassword,
} from './queries/mailbox.js';
export {
  allMembershipsOf,
  appsOf,
  leaveWorkspace,
  type OwnApp,
  type OwnMembership,
} from './queries/own-memberships.js';
export {
  browserSessionsOf,
  endBrowserSession,
  endBrowserSessions,
  noteBrowserSession,
  pruneBrowserSessions,
  type BrowserSessionRow,
} from './queries/signed-in-browser.js';
export {
  deletePasskey,
  findPasskey,
  insertPasskey,
  notePasskeyUse,
  passkeysOf,
  renamePasskey,
  type NewPasskey,
  type Passkey,
} from './queries/passkey.js';
export {
  deleteRecoveryCodesWithoutFactor,
  deleteTotp,
  findTotpSecret,
  insertTotp,
  replaceRecoveryCodes,
  secondFactorsOf,
  takeRecoveryCode,
  takeTotpStep,
  type SecondFactors,
} from './queries/second-factor.js';
