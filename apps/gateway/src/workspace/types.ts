import type {
  StoredPreview,
  ToolCost,
  ToolClass,
  ToolLabel,
  ToolsetMode,
  ToolsetPrefix,
} from '@conducktor/contracts';
import type { CompiledPolicy } from '@conducktor/policy';
import type { WorkspaceBudgets } from '../budgets/workspace-budgets.js';
import type { CallLimits } from '../limits/call-limits.js';
import type { WorkspacePrices } from '../price/workspace-prices.js';
import type { ScopesOf } from './declared-scopes.js';

export type { ToolClass };

export interface Member {
  id: string;
  userId: string;
  email: string;
  roles: string[];
  groups: string[];
}

/** A key that is not revoked; its secret, scopes and expiry were verified when it was first seen. */
export interface ApiKeyEntry {
  id: string;
  memberId: string;
}

export interface ConnectionEntry {
  id: string;
  slug: string;
  timeoutMs: number;
  revision: number;
  /** What its server offers, as MCP spells it; empty while it was never reached. */
  capabilities: Readonly<Record<string, unknown>>;
  /** Why it is stopped for now: nothing is asked of it, and lists leave it out. Absent: it is not. */
  frozen?: string | undefined;
  /** The scopes that it declares for a tool of its server, or for another method (`resources/read`). Absent: none. */
  scopesOf?: ScopesOf | undefined;
  /** What its server tells a model of itself, if anything. Untrusted. */
  instructions?: string | undefined;
  /** Of all its tools, those included that are hidden, held back or gone. Absent: none. */
  labels?: readonly ToolLabel[] | undefined;
  /** Its tools in this snapshot. */
  tools: Tool[];
  /**
   * Those that its service added or changed and nobody has accepted: not shown, and refused by name. They
   * keep their names, so that no other tool comes to have one of them. Absent: none.
   */
  quarantined?: Tool[] | undefined;
}

/** A tool as calls are decided on it: the pinned definition and what the admin said of it. */
export interface Tool {
  id: string;
  shownName: string;
  upstreamName: string;
  connection: ConnectionEntry;
  class: ToolClass;
  /** Whether an admin has said the class; otherwise it is what its service proposes. */
  isClassSet?: boolean | undefined;
  labels: string[];
  definition: Record<string, unknown>;
  definitionHash: string;
  /** Scopes that its connection declares for it, beside that of its class. Absent: none. */
  scopes?: readonly string[] | undefined;
  /** Its own price, which counts before those of lists. Absent: it has none. */
  cost?: ToolCost | undefined;
  /** What approvers are shown of a call of it. Absent: its arguments only. */
  preview?: StoredPreview | undefined;
}

/** What is stopped for now besides connections, and why. */
export interface Frozen {
  workspace?: string | undefined;
  /** By member id. */
  members: ReadonlyMap<string, string>;
  /** By client id, or the id of an API key. */
  clients: ReadonlyMap<string, string>;
}

/** A selection of the workspace with a path of its own: `/mcp/<slug>`. */
export interface ToolsetEntry {
  slug: string;
  /** Globs over global names, those of entries (`<slug>_resources/read`) included. */
  tools: readonly string[];
  prefix: ToolsetPrefix;
  mode: ToolsetMode;
}

/**
 * Everything that decides calls of one workspace, compiled once per version of it. Immutable; a
 * change in the database makes a new one.
 */
export interface Workspace {
  tenantId: string;
  /** tenant_version when it was read; the tick refuses what another version decided. */
  version: number;
  name: string;
  limitProfile: 'standard' | 'burst' | 'host';
  /** Of people, clients, connections and tools, beside the profile. Absent: none. */
  limits?: CallLimits | undefined;
  /** Of all amounts, as in ISO 4217. */
  currency: string;
  /** Absent: all is free. */
  prices?: WorkspacePrices | undefined;
  /** Absent: none. */
  budgets?: WorkspaceBudgets | undefined;
  members: ReadonlyMap<string, Member>;
  apiKeys: ReadonlyMap<string, ApiKeyEntry>;
  /** Grants revoked while a token of theirs may still live. */
  revokedGrants: ReadonlySet<string>;
  /** Absent: nothing is. */
  frozen?: Frozen | undefined;
  /** In the order of slugs, those without tools included. */
  connections: readonly ConnectionEntry[];
  /** In the order of slugs, which no connection has. */
  toolsets: readonly ToolsetEntry[];
  /** By shown name, in the order of names. */
  tools: ReadonlyMap<string, Tool>;
  /** Conducktor's own, in the order of names; empty where this gateway knows no control plane. */
  ownTools: readonly Tool[];
  /** Of the active one; 0: none is. */
  policyVersion: number;
  policy: CompiledPolicy;
}
