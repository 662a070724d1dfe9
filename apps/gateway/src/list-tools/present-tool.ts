/** The tool object that clients see (MCP tools), out of the pinned definition and what we decided on it. */
import type { ToolClass } from '@conducktor/contracts';
import { mapUiReferences } from '../resources/map-uris.js';

export interface Presentation {
  /** As the view names it. */
  shownName: string;
  /** The effective class: an admin's override, else the proposal. Upstream hints are never shown as they came. */
  class: ToolClass;
  /** Scopes that the connection declares for it, besides those of its class. */
  scopes: readonly string[];
  /** Whether a call of it waits for somebody's approval, as far as that can be said before its arguments. */
  approval?: 'perhaps' | 'always' | undefined;
  /** How clients of the view write a URI of this upstream: that of the tool's user interface is one. */
  clientUri?: (uri: string) => string;
}

const APPROVAL = 'conducktor/approval';

const SCOPE_OF_CLASS = { read: 'mcp:read', write: 'mcp:write', destructive: 'mcp:write' } as const;

/**
 * Everything the upstream said stays, fields that we do not know included; name, hints and scopes are
 * ours. The three hints are always set: a client takes a tool without `readOnlyHint` for a write.
 */
export function presentTool(
  definition: Readonly<Record<string, unknown>>,
  presentation: Presentation,
): Record<string, unknown> {
  const { shownName, class: toolClass, clientUri = (uri) => uri } = presentation;
  const upstream = objectOr(definition['annotations']);
  const scopes = [...new Set([SCOPE_OF_CLASS[toolClass], ...presentation.scopes])];
  const securitySchemes = [{ type: 'oauth2', scopes }];
  return {
    ...definition,
    name: shownName,
    inputSchema: definition['inputSchema'] ?? { type: 'object' },
    annotations: {
      ...upstream,
      readOnlyHint: toolClass === 'read',
      destructiveHint: toolClass === 'destructive',
      // Whether a tool reaches beyond a closed world does not follow from its class; unsaid means it may.
      openWorldHint: upstream['openWorldHint'] !== false,
    },
    securitySchemes,
    // ChatGPT reads them here too; a typed client drops unknown fields of a tool but keeps `_meta`.
    _meta: {
      ...mapUiReferences(objectOr(definition['_meta']), clientUri),
      securitySchemes,
      // Ours alone to say: undefined, it hides what the upstream says under this name.
      [APPROVAL]: presentation.approval,
    },
  };
}

function objectOr(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
