/**
 * Which era a message belongs to. The body decides; the `MCP-Protocol-Version` header must agree.
 * A message is modern when its `_meta` names a protocol version; a malformed claim is an error and
 * never a quiet fall back to legacy. The caller has been authenticated before this is asked.
 */
import { checkStandardHeaders, disagreement, headerValue, type Headers } from './agreement.js';
import {
  INVALID_PARAMS,
  isObject,
  metaOf,
  refusal,
  TRANSPORT_ERROR,
  VERSION_UNSUPPORTED,
  type Params,
  type Refusal,
} from './json-rpc.js';
import {
  isModernVersion,
  isServedLegacy,
  isServedModern,
  LEGACY_VERSIONS,
  SERVED_VERSIONS,
} from './versions.js';

export const META_VERSION = 'io.modelcontextprotocol/protocolVersion';
export const META_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
export const META_LOG_LEVEL = 'io.modelcontextprotocol/logLevel';
export const META_CLIENT = 'io.modelcontextprotocol/clientInfo';

export type Classified =
  | { kind: 'modern'; version: string }
  /** `version` is what the header names, if it is there. */
  | { kind: 'legacy'; version: string | undefined }
  | Refusal;

interface Incoming {
  kind: 'request' | 'notification';
  method: string;
  params: Params | undefined;
}

export function classify(message: Incoming, headers: Headers): Classified {
  const meta = metaOf(message.params);
  const header = headerValue(headers, 'mcp-protocol-version');
  const claimed = meta !== undefined && META_VERSION in meta;
  if (claimed && !isLegacyHandshake(message, meta))
    return classifyClaim(message, meta, header, headers);
  if (header === undefined) return { kind: 'legacy', version: undefined };
  if (isModernVersion(header)) return modernHeaderWithoutClaim(message, header, meta, headers);
  if (message.method === 'initialize') return { kind: 'legacy', version: undefined };
  if (!isServedLegacy(header)) return unsupportedHeader(header);
  return { kind: 'legacy', version: header };
}

/** `initialize` is the legacy handshake unless it carries a complete claim of a modern version. */
function isLegacyHandshake(message: Incoming, meta: Params): boolean {
  if (message.method !== 'initialize') return false;
  const version = meta[META_VERSION];
  return (
    typeof version !== 'string' || !isModernVersion(version) || envelopeFault(meta) !== undefined
  );
}

function classifyClaim(
  message: Incoming,
  meta: Params,
  header: string | undefined,
  headers: Headers,
): Classified {
  const version = meta[META_VERSION];
  if (message.kind === 'notification') {
    if (typeof version !== 'string') return envelopeRefusal(META_VERSION, 'must be a string');
  } else {
    const fault = envelopeFault(meta);
    if (fault) return envelopeRefusal(fault.key, fault.problem);
  }
  if (header !== undefined && header !== version) {
    return disagreement(header, `the body names protocol version ${String(version)}.`);
  }
  if (!isServedModern(version as string)) return unsupportedVersion(version as string);
  const fault =
    message.kind === 'request'
      ? checkStandardHeaders(headers, message)
      : checkMethod(headers, message);
  return fault ?? { kind: 'modern', version: version as string };
}

function modernHeaderWithoutClaim(
  message: Incoming,
  header: string,
  meta: Params | undefined,
  headers: Headers,
): Classified {
  // Notifications carry no claim of their own; for them the header decides.
  if (message.kind === 'notification') {
    if (!isServedModern(header)) return unsupportedVersion(header);
    return checkMethod(headers, message) ?? { kind: 'modern', version: header };
  }
  if (message.method === 'initialize') {
    return disagreement(header, 'initialize is the handshake of earlier versions.');
  }
  const missing =
    meta === undefined
      ? ['_meta']
      : [META_VERSION, META_CAPABILITIES].filter((key) => !(key in meta));
  return refusal(
    400,
    INVALID_PARAMS,
    `MCP-Protocol-Version names ${header}, but the request lacks ${missing.join(', ')}.`,
    {
      envelope: { missing },
    },
  );
}

function checkMethod(headers: Headers, message: Incoming): Refusal | undefined {
  const method = headerValue(headers, 'mcp-method');
  if (method === undefined || method === message.method) return undefined;
  return disagreement(method, `the body names method ${message.method}.`);
}

function envelopeFault(meta: Params): { key: string; problem: string } | undefined {
  for (const key of [META_VERSION, META_CAPABILITIES])
    if (!(key in meta)) return { key, problem: 'missing' };
  if (typeof meta[META_VERSION] !== 'string')
    return { key: META_VERSION, problem: 'must be a string' };
  if (!isObject(meta[META_CAPABILITIES]))
    return { key: META_CAPABILITIES, problem: 'must be an object' };
  const client = meta[META_CLIENT];
  if (client === undefined) return undefined;
  const named =
    isObject(client) && typeof client['name'] === 'string' && typeof client['version'] === 'string';
  return named ? undefined : { key: META_CLIENT, problem: 'must have a name and a version' };
}

function envelopeRefusal(key: string, problem: string): Refusal {
  return refusal(400, INVALID_PARAMS, `Invalid _meta: ${key}: ${problem}`, {
    envelope: { key, problem },
  });
}

/** Only a modern request meets this; `initialize` negotiates instead. */
function unsupportedVersion(requested: string): Refusal {
  return refusal(400, VERSION_UNSUPPORTED, `Unsupported protocol version: ${requested}`, {
    supported: SERVED_VERSIONS,
    requested,
  });
}

/** 400, for a legacy version that is not served. */
export function unsupportedHeader(header: string): Refusal {
  return refusal(
    400,
    TRANSPORT_ERROR,
    `Bad Request: Unsupported protocol version: ${header} (supported versions: ${LEGACY_VERSIONS.join(', ')})`,
  );
}
