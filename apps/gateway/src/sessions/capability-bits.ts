/**
 * What a client can be asked, in one byte. A legacy session id carries it, so that a call of a session
 * needs nothing looked up; and equal capabilities are one object, so that upstream sessions can be
 * kept by them. Details that no upstream acts on (`listChanged` of roots, empty objects) are not kept.
 */
import type { ClientCapabilities } from '@conducktor/contracts';

const FORM = 1;
const URL_MODE = 2;
const SAMPLING = 4;
const SAMPLING_TOOLS = 8;
const SAMPLING_CONTEXT = 16;
const ROOTS = 32;
const UI = 64;
const TASKS = 128;
const ALL = 255;

const UI_EXTENSION = 'io.modelcontextprotocol/ui';
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** The only kind of view that the extension defines (MCP Apps, 2026-01-26). */
const UI_MIME_TYPES = ['text/html;profile=mcp-app'];

/** Reads `capabilities` of `initialize` or of a modern request's `_meta`; what is malformed is absent. */
export function bitsOf(declared: unknown): number {
  if (!isObject(declared)) return 0;
  let bits = 0;
  const { elicitation, sampling, roots, extensions } = declared;
  if (isObject(elicitation)) {
    // An empty object means forms: URLs came a revision later.
    if (isObject(elicitation['form']) || !isObject(elicitation['url'])) bits |= FORM;
    if (isObject(elicitation['url'])) bits |= URL_MODE;
  }
  if (isObject(sampling)) {
    bits |= SAMPLING;
    if (isObject(sampling['tools'])) bits |= SAMPLING_TOOLS;
    if (isObject(sampling['context'])) bits |= SAMPLING_CONTEXT;
  }
  if (isObject(roots)) bits |= ROOTS;
  if (isObject(extensions)) {
    if (isObject(extensions[UI_EXTENSION])) bits |= UI;
    if (isObject(extensions[TASKS_EXTENSION])) bits |= TASKS;
  }
  return bits;
}

const known: (ClientCapabilities | undefined)[] = Array.from({ length: ALL + 1 }, (_, bits) =>
  bits === 0 ? undefined : spelled(bits),
);

/** `undefined` for a client that can be asked nothing. The object is shared and frozen. */
export function capabilitiesOf(bits: number): ClientCapabilities | undefined {
  return known[bits & ALL];
}

function spelled(bits: number): ClientCapabilities {
  const has = (bit: number) => (bits & bit) !== 0;
  return deepFreeze({
    ...((has(FORM) || has(URL_MODE)) && {
      elicitation: { ...(has(FORM) && { form: {} }), ...(has(URL_MODE) && { url: {} }) },
    }),
    ...(has(SAMPLING) && {
      sampling: {
        ...(has(SAMPLING_TOOLS) && { tools: {} }),
        ...(has(SAMPLING_CONTEXT) && { context: {} }),
      },
    }),
    ...(has(ROOTS) && { roots: {} }),
    ...((has(UI) || has(TASKS)) && {
      extensions: {
        ...(has(UI) && { [UI_EXTENSION]: { mimeTypes: UI_MIME_TYPES } }),
        ...(has(TASKS) && { [TASKS_EXTENSION]: {} }),
      },
    }),
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value))
    if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
