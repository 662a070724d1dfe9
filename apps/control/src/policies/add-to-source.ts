import { ConducktorError } from '@conducktor/contracts';
import { parseDocument, YAMLSeq, type Document } from 'yaml';

// As people write them; canonical JSON comes in the order of the alphabet.
const FIELDS = [
  'id',
  'description',
  'when',
  'effect',
  'approvers',
  'expires',
  'onApproval',
  'redact',
  'message',
  'list',
];

/** A rule with its fields in the order in which people write them. */
export function inOrder(rule: Record<string, unknown>): Record<string, unknown> {
  const known = FIELDS.filter((field) => field in rule).map((field) => [field, rule[field]]);
  return { ...Object.fromEntries(known), ...rule };
}

/** The text of a policy with more rules and tests at the end of its own; its comments stay. */
export function addToSource(
  source: string,
  { rules, tests = [] }: { rules: readonly object[]; tests?: readonly object[] },
): string {
  // It has been checked before it was stored, and here the check would be quadratic.
  const document = parseDocument(source, { uniqueKeys: false });
  if (document.errors.length > 0)
    throw new ConducktorError('conflict', 'The active policy cannot be read; store a new one.');
  append(document, 'rules', rules);
  append(document, 'tests', tests);
  return String(document);
}

function append(document: Document, field: string, items: readonly object[]): void {
  if (items.length === 0) return;
  const list = document.get(field);
  if (!(list instanceof YAMLSeq)) {
    document.set(field, document.createNode(items));
    return;
  }
  // `[]` would take them on its one line.
  if (list.items.length === 0) list.flow = false;
  for (const item of items) list.add(document.createNode(item));
}
