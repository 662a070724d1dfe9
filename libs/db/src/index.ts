export { createDb, withTenant, type Db, type TenantTx } from './db.js';
export { migrate } from './migrate.js';
export { openEpochSession, type EpochSession } from './epoch-session.js';
export {
  addFirstSigningKey,
  readSealedSigningKeys,
  readSigningKeys,
  type PublicSigningKey,
  type SealedSigningKey,
} from './queries/signing-key.js';
export { findApiKey, type ApiKeyRow } from './queries/api-key.js';
