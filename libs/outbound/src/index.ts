export {
  createAddressRules,
  type AddressRules,
  type AddressRulesOptions,
} from './address-rules.js';
export type { Resolve, ResolvedAddress } from './guarded-connector.js';
export { createOutbound, type Outbound, type OutboundOptions } from './outbound.js';
export { OutboundRefused, parseTarget } from './refusal.js';
