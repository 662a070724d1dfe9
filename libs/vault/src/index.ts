export { createVault, type Vault } from './vault.js';
export {
  openConnectionSecrets,
  sealConnectionSecrets,
  type ConnectionSecrets,
} from './connection-secrets.js';
