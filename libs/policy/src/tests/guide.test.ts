import { policyJsonSchema } from '@conducktor/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compilePolicy } from '../compile.js';
import { parsePolicy } from '../parse.js';
import { READY_MADE, readyMade } from '../ready-made/ready-made.js';
import { runPolicyTests } from '../run-tests.js';
import { STARTER_POLICY } from '../starter.js';

const guide = readFileSync(new URL('../../../../docs/guides/policies.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/^```yaml\n([^]*?)^```$/gm)].map((match) => match[1]!);
const schema = policyJsonSchema();
const accepts = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);

describe('the guide', () => {
  it.each(examples.map((text, index) => [`example ${index + 1}`, text]))(
    '%s is a policy whose tests pass',
    (_which, text) => {
      const results = runPolicyTests(compilePolicy(parsePolicy(text)));
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ passed }) => !passed)).toEqual([]);
    },
  );

  it('names every ready-made policy and every field', () => {
    expect(examples.length).toBeGreaterThan(4);
    for (const { id } of READY_MADE) expect(guide).toContain(`| \`${id}\` |`);
    for (const name of propertiesOf(schema).map((path) => path.split('.').at(-1)!))
      if (name !== 'description') expect(guide, name).toMatch(new RegExp(`\\b${name}\\b`));
  });
});

describe('the schema for editors', () => {
  it('accepts what is a policy', () => {
    const documents = [STARTER_POLICY, ...examples].map((text) => parse(text) as object);
    const made = READY_MADE.map(({ id }) => ({ version: 1, default: 'deny', ...readyMade(id) }));
    for (const document of [...documents, ...made]) {
      accepts(document);
      expect(accepts.errors, JSON.stringify(document)).toBeNull();
    }
  });

  it.each<[object]>([
    [{ id: 'r', effect: 'block' }],
    [{ id: 'r', effect: 'deny', when: { grups: ['x'] } }],
    [{ id: 'r', effect: 'require_approval' }],
    [{ id: 'r', effect: 'require_approval', approvers: { count: 2 } }],
    [{ id: 'r', effect: 'deny', expires: '1h' }],
    [{ id: 'r', effect: 'redact' }],
    [{ id: 'r', effect: 'redact', redact: { from: ['audit'] } }],
    [{ id: 'r', effect: 'deny', when: { time: { from: '09:00' } } }],
    [{ id: 'r', effect: 'deny', when: { time: { days: ['mon'], to: '09:00' } } }],
    ...['31d', '721h', '43201m', '0d', '1w'].map((expires): [object] => [
      { id: 'r', effect: 'require_approval', approvers: { group: 'g' }, expires },
    ]),
  ])('refuses %j, as the parser does', (rule) => {
    const document = { version: 1, default: 'allow', rules: [rule] };
    expect(accepts(document)).toBe(false);
    expect(() => parsePolicy(document)).toThrow();
  });

  it.each(['30d', '1d', '720h', '719h', '99h', '43200m', '43199m', '39999m', '9m'])(
    'accepts the time %s, as the parser does',
    (expires) => {
      const rule = { id: 'r', effect: 'require_approval', approvers: { group: 'g' }, expires };
      const document = { version: 1, default: 'allow', rules: [rule] };
      expect(accepts(document)).toBe(true);
      expect(() => parsePolicy(document)).not.toThrow();
    },
  );

  it('says of every field what it is', () => {
    const silent = propertiesOf(schema, ({ description }) => description === undefined);
    expect(silent).toEqual([]);
  });
});

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  items?: Node;
}

/** Paths of all fields for which the condition holds. */
function propertiesOf(
  { properties = {}, items }: Node,
  holds: (node: Node) => boolean = () => true,
): string[] {
  const inside = items ? propertiesOf(items, holds).map((path) => `[].${path}`) : [];
  return Object.entries(properties).reduce<string[]>((all, [name, node]) => {
    const below = propertiesOf(node, holds).map((path) => `${name}.${path}`);
    return [...all, ...(holds(node) ? [name] : []), ...below];
  }, inside);
}
