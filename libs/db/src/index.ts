export { createDb, withTenant, type Db, type TenantTx } from './db.js';
export { migrate } from './migrate.js';
