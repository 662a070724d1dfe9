import { _, Ajv, type KeywordCxt } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { canonicalJson } from '../json/canonical.js';
import { linearRegExps } from './patterns.js';
import { prepareSchema, SchemaRefused, SIZED, STEPS } from './prepare.js';
import { sentenceOf } from './sentence.js';
import { countSize, countSteps, startCounting } from './steps.js';

/** Checks arguments; a sentence naming the field and why, or undefined when they fit. */
export type ArgumentsCheck = (args: unknown) => string | undefined;

export type CompiledSchema =
  | { ok: true; check: ArgumentsCheck }
  /** `reason` ends a sentence that begins with "The input schema of … cannot be used: ". */
  | { ok: false; reason: string };

/**
 * Prepares an upstream's input schema (JSON Schema 2020-12, or draft-07 and older where `$schema`
 * says so) for checking arguments. The schema is hostile input: no network, no backtracking, bounded
 * size and steps. One that cannot be compiled is refused, and a tool without a usable schema is not
 * taken into the catalogue: what was never checked must not look checked. Costs some milliseconds.
 */
export function compileArgumentsSchema(schema: unknown): CompiledSchema {
  try {
    const prepared = prepareSchema(schema);
    const ajv = createAjv(dialectOf(schema));
    if (!metaCheckers[dialectOf(schema)](prepared))
      return { ok: false, reason: 'it is not a valid JSON Schema' };
    const validate = ajv.compile(prepared);
    return {
      ok: true,
      check: (args) => {
        startCounting();
        try {
          return validate(args) ? undefined : sentenceOf(validate.errors ?? []);
        } catch {
          // Too many steps, or the stack's end: whatever could not be checked does not pass.
          return 'The arguments are too large or too deeply nested to be checked.';
        }
      },
    };
  } catch (error) {
    if (error instanceof SchemaRefused) return { ok: false, reason: error.message };
    const why = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return { ok: false, reason: why.slice(0, 200) };
  }
}

type Dialect = 'draft7' | '2020';

function dialectOf(schema: unknown): Dialect {
  const named = (schema as { $schema?: unknown } | null)?.$schema;
  return typeof named === 'string' && /draft-0[3-7]/.test(named) ? 'draft7' : '2020';
}

// Never given a tenant's schema to keep: they only hold the standard's own.
const metaCheckers: Record<Dialect, (schema: object | boolean) => boolean> = {
  draft7: checkerOf(new Ajv({ validateFormats: false, strict: false })),
  '2020': checkerOf(new Ajv2020({ validateFormats: false, strict: false })),
};

function checkerOf(ajv: Ajv | Ajv2020) {
  return (schema: object | boolean) => ajv.validateSchema(schema) === true;
}

/** One instance for each schema, so that nothing of one tenant's schemas is ever seen by another's. */
function createAjv(dialect: Dialect): Ajv | Ajv2020 {
  const ajv = new (dialect === 'draft7' ? Ajv : Ajv2020)({
    strict: false,
    meta: false,
    validateSchema: false,
    validateFormats: false,
    addUsedSchema: false,
    logger: false,
    inlineRefs: false,
    // The pass that shortens generated code takes quadratic time: seconds for a thousand subschemas.
    code: { regExp: linearRegExps(), optimize: false },
  });
  addCounter(ajv, STEPS, (cxt) => {
    const count = cxt.gen.scopeValue('func', { ref: countSteps });
    cxt.gen.code(_`${count}(${cxt.schema})`);
  });
  addCounter(ajv, SIZED, (cxt) => {
    const count = cxt.gen.scopeValue('func', { ref: countSize });
    cxt.gen.code(_`${count}(${cxt.data})`);
  });
  // ajv compares every pair; this looks each entry up, so that long lists stay linear.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must not have the same entry twice' },
    compile: (wanted: boolean) => (entries: unknown[]) => {
      if (!wanted) return true;
      const seen = new Set<string>();
      for (const entry of entries) {
        const text = canonicalJson(entry);
        countSteps(3 + text.length / 10);
        seen.add(text);
      }
      return seen.size === entries.length;
    },
  });
  return ajv;
}

/** Before all other keywords, so that a subschema that fails has been counted too. */
function addCounter(ajv: Ajv | Ajv2020, keyword: string, code: (cxt: KeywordCxt) => void): void {
  ajv.addKeyword({ keyword, errors: false, code });
  const { rules } = ajv.RULES;
  const group = rules.find((each) => each.rules.some((rule) => rule.keyword === keyword))!;
  const rule = group.rules.find((each) => each.keyword === keyword)!;
  group.rules.splice(group.rules.indexOf(rule), 1);
  rules.unshift({ rules: [rule] });
}
