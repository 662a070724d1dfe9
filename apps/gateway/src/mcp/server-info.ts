/** What we say of ourselves, in both eras. */
import type { Introduction } from './ports.js';
import { TASKS_EXTENSION } from '../sessions/capability-bits.js';
import { SERVED_VERSIONS } from './versions.js';

export const SERVER_INFO = {
  name: 'conducktor',
  title: 'Conducktor',
  version: '0.1.0',
  description: 'The governed MCP gateway: one URL for all connections of a workspace.',
} as const;

/** Of the whole: any connection may offer any of these, today or tomorrow. */
export const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
  // MCP Apps: `ui://` resources of upstreams come through.
  extensions: { 'io.modelcontextprotocol/ui': {} },
} as const;

const INSTRUCTIONS = [
  'Tools of one or several services, through one gateway. Where there are several, a tool name begins with its connection: linear-prod_create_issue.',
  'Calls are checked against the workspace policy. A refusal says why and what to do; repeating the same call does not help.',
  'If the outcome of a call is unknown, look before calling again: it may have acted.',
].join('\n');

/** With what the view at the client's path adds to it. */
export function instructionsOf({ instructions }: Introduction): string {
  return instructions === undefined ? INSTRUCTIONS : `${INSTRUCTIONS}\n${instructions}`;
}

/** Tasks are those of 2026-07-28: the earlier ones, under the same name in parts, were an experiment. */
const MODERN_CAPABILITIES = {
  ...CAPABILITIES,
  extensions: { ...CAPABILITIES.extensions, [TASKS_EXTENSION]: {} },
};

/** The body of `server/discover`, without what every modern result carries. */
export function discoveryOf(introduction: Introduction) {
  return {
    supportedVersions: SERVED_VERSIONS,
    capabilities: MODERN_CAPABILITIES,
    instructions: instructionsOf(introduction),
  };
}
