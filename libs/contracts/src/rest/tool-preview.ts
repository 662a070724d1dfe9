import { z } from 'zod';
import { idOf } from './common.js';

/** The sides of a change, in the order in which they are shown. */
export const PREVIEW_SIDES = ['before', 'after'] as const;
export type PreviewSide = (typeof PREVIEW_SIDES)[number];

/** The one field of an object that stands for a value of the call's own arguments. */
export const FROM_CALL = '$from';

/** Of the arguments of one side. */
const MAX_CHARACTERS = 4_096;
const MAX_DEPTH = 8;
/** RFC 6901; the empty one is the arguments as a whole. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)*$/u;
const MAX_POINTER = 256;

const Arguments = z
  .record(z.string(), z.unknown())
  .default({})
  .superRefine((value, context) => {
    // How deep it is first: what is too deep cannot be written either.
    const problem =
      wrongIn(value, 1) ?? (JSON.stringify(value).length > MAX_CHARACTERS ? TOO_LARGE : undefined);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    description:
      'What the tool is called with. An object {"$from": "/page_id"} stands for what the JSON Pointer (RFC 6901) finds in the arguments of the call that waits',
  });

const TOO_LARGE = `must be at most ${MAX_CHARACTERS} characters of JSON`;

function wrongIn(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_DEPTH) return `must be at most ${MAX_DEPTH} deep`;
  if (!Array.isArray(value) && Object.hasOwn(value, FROM_CALL))
    return wrongReference(value as Record<string, unknown>);
  for (const each of Object.values(value)) {
    const problem = wrongIn(each, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function wrongReference({ [FROM_CALL]: pointer, ...others }: Record<string, unknown>) {
  if (Object.keys(others).length > 0)
    return `has "${FROM_CALL}" beside other fields; it must stand alone in its object`;
  if (typeof pointer !== 'string' || pointer.length > MAX_POINTER || !POINTER.test(pointer))
    return `has a "${FROM_CALL}" that is no JSON Pointer, such as "/page_id"; in names "~" is written "~0" and "/" is written "~1"`;
  return undefined;
}

const PreviewRead = z.strictObject({
  /** Another tool of the same connection, by id or shown name, whose class was set to `read`. */
  tool: z.string().min(1).max(256),
  arguments: Arguments,
});

/** What approvers are shown of a call of a tool: what other tools give for it before it is made. */
export const ToolPreview = z
  .strictObject({
    /** As it is now. */
    before: PreviewRead.optional(),
    /** As it would be, from a service that can tell. */
    after: PreviewRead.optional(),
  })
  .refine(({ before, after }) => before ?? after, 'must have "before" or "after"');
export type ToolPreview = z.infer<typeof ToolPreview>;

const PreviewReadView = z.object({
  tool: idOf('tol'),
  arguments: z.record(z.string(), z.unknown()),
});

export const ToolPreviewView = z
  .object({ before: PreviewReadView.optional(), after: PreviewReadView.optional() })
  .meta({ id: 'ToolPreview' });
export type ToolPreviewView = z.infer<typeof ToolPreviewView>;

const StoredRead = PreviewReadView.extend({
  /** SHA-256 of the definition that the admin knew, hexadecimal: another one is not called. */
  definitionHash: z.string(),
});
export type StoredRead = z.infer<typeof StoredRead>;

/** As it stands in the row of its tool, and as gateways take it from there. */
export const StoredPreview = z.object({
  before: StoredRead.optional(),
  after: StoredRead.optional(),
});
export type StoredPreview = z.infer<typeof StoredPreview>;

/** What is kept of one side, sealed: what was given, or why nothing was. */
export const KeptPreview = z.object({
  content: z.string().optional(),
  /** There was more. */
  cut: z.boolean().optional(),
  /** A sentence. */
  reason: z.string().optional(),
});
export type KeptPreview = z.infer<typeof KeptPreview>;
