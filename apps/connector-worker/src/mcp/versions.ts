import type { Declared } from './capabilities.js';

/** Protocol revisions that the worker speaks to upstreams. */
export const MODERN_VERSION = '2026-07-28';
export const LEGACY_VERSION = '2025-11-25';
export const LEGACY_VERSIONS: readonly string[] = [
  LEGACY_VERSION,
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
];

export const CLIENT_INFO = { name: 'conducktor', title: 'Conducktor', version: '0.1.0' } as const;

const META_VERSION = 'io.modelcontextprotocol/protocolVersion';
const META_CLIENT = 'io.modelcontextprotocol/clientInfo';
const META_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const META_LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

/** What every modern request of our own carries; no capability is declared, so the upstream may ask us nothing. */
export const MODERN_META = {
  [META_VERSION]: MODERN_VERSION,
  [META_CLIENT]: CLIENT_INFO,
  [META_CAPABILITIES]: {},
} as const;

const metas = new Map<string, Readonly<Record<string, unknown>>>();
/** Capabilities are few and levels eight. */
const MAX_METAS = 1_000;

/** What a modern request for a client carries. The very same object for the same client abilities and level. */
export function modernMeta(
  declared: Declared,
  logLevel: string | undefined,
): Readonly<Record<string, unknown>> {
  if (declared.key === '' && logLevel === undefined) return MODERN_META;
  const key = `${logLevel ?? ''} ${declared.key}`;
  let meta = metas.get(key);
  if (!meta) {
    if (metas.size >= MAX_METAS) metas.clear();
    meta = {
      ...MODERN_META,
      [META_CAPABILITIES]: declared.capabilities,
      ...(logLevel !== undefined && { [META_LOG_LEVEL]: logLevel }),
    };
    metas.set(key, meta);
  }
  return meta;
}

const PREFIX = 'io.modelcontextprotocol/';

/** `_meta` that may travel on: never what describes a client, a version or a token of another hop. */
export function travellingMeta(
  meta: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(meta ?? {})) {
    if (!name.startsWith(PREFIX) && name !== 'progressToken') kept[name] = value;
  }
  return kept;
}

export const UNSUPPORTED_VERSION = -32022;
export const HEADER_MISMATCH = -32020;
export const METHOD_NOT_FOUND = -32601;
