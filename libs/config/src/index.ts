export { envExample } from './env-example.js';
export { ConfigError, loadConfig, loadConfigOrExit } from './load-config.js';
export {
  ENV_SCHEMAS,
  auditEnv,
  authEnv,
  billingEnv,
  controlEnv,
  gatewayEnv,
  workerEnv,
  type AuditConfig,
  type AuthConfig,
  type BillingConfig,
  type ControlConfig,
  type GatewayConfig,
  type WorkerConfig,
} from './schemas.js';
export { canHoldSocket } from './values.js';
