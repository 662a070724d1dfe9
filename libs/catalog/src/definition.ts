import { createHash } from 'node:crypto';
import { cleaned, DefinitionRefused } from './cleaned.js';
import { canonicalJson } from './json/canonical.js';

// A large real definition (hundreds of parameters) is about 40 kB; clients advise far less.
const MAX_BYTES = 128 * 1024;

export interface ToolDefinition {
  /** The upstream's own name, unchanged: it is what the upstream is called with. */
  name: string;
  description?: string;
  inputSchema: Record<string, unknown>;
  annotations?: Record<string, unknown>;
  /** Fields this version does not know are kept. */
  [field: string]: unknown;
}

/**
 * Brings an upstream's tool definition, which is untrusted text, into the form that is pinned and
 * shown: bounded, without invisible or bidirectional characters anywhere, with an input schema of
 * an object. Throws DefinitionRefused with a sentence otherwise.
 */
export function normaliseDefinition(raw: unknown): ToolDefinition {
  if (!isObject(raw)) throw new DefinitionRefused('A tool definition must be an object.');
  const { name } = raw;
  // Letters of other alphabets could make one tool look like another.
  if (typeof name !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(name))
    throw new DefinitionRefused(
      'A tool must have a name of 1 to 128 visible ASCII characters without spaces.',
    );
  const clean = cleaned(raw);
  const inputSchema = clean['inputSchema'] ?? { type: 'object' };
  if (!isObject(inputSchema) || (inputSchema['type'] ?? 'object') !== 'object')
    throw new DefinitionRefused(`The input schema of "${name}" must describe an object.`);
  const definition: ToolDefinition = {
    ...clean,
    name,
    inputSchema: { ...inputSchema, type: 'object' },
  };
  if (!isObject(definition.annotations ?? {})) delete definition.annotations;
  if (typeof (definition.description ?? '') !== 'string') delete definition.description;
  if (Buffer.byteLength(JSON.stringify(definition)) > MAX_BYTES)
    throw new DefinitionRefused(
      `The definition of "${name}" is larger than ${MAX_BYTES / 1024} KiB.`,
    );
  return definition;
}

/** SHA-256 of the canonical JSON (RFC 8785) of a normalised definition; 32 bytes. */
export function definitionHash(definition: ToolDefinition): Buffer {
  return createHash('sha256').update(canonicalJson(definition)).digest();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
