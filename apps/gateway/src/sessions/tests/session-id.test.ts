import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bitsOf, capabilitiesOf } from '../capability-bits.js';
import { createSessionIds } from '../session-id.js';

const key = randomBytes(32);
const ids = createSessionIds(key);
const EVERYTHING = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {}, context: {} },
  roots: {},
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
};
const fresh = {
  principal: 'tenant alice client',
  protocolVersion: '2025-06-18',
  bits: bitsOf(EVERYTHING),
  kind: 'http',
  epoch: 7,
} as const;

test('it belongs to one principal, on every replica with the same key, and says what the client can do', () => {
  const id = ids.issue(fresh);
  const elsewhere = createSessionIds(key);
  expect(elsewhere.verify(id, fresh.principal)).toEqual({
    id,
    protocolVersion: '2025-06-18',
    capabilities: EVERYTHING,
    kind: 'http',
    epoch: 7,
  });
  expect(elsewhere.verify(id, 'tenant bob client')).toBeUndefined();
  expect(createSessionIds(randomBytes(32)).verify(id, fresh.principal)).toBeUndefined();
});

test('it has 128 random bits and visible ASCII only', () => {
  const many = Array.from({ length: 1_000 }, () => ids.issue(fresh));
  expect(new Set(many).size).toBe(1_000);
  expect(many.every((id) => /^[\x21-\x7e]+$/.test(id))).toBe(true);
  const random = (id: string) => Buffer.from(id, 'base64url').subarray(5, 21).toString('hex');
  expect(new Set(many.map(random)).size).toBe(1_000);
});

test('with any byte changed it is nobody’s', () => {
  const id = ids.issue(fresh);
  const bytes = Buffer.from(id, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const forged = Buffer.from(bytes);
    forged[at]! ^= 1;
    expect(ids.verify(forged.toString('base64url'), fresh.principal)).toBeUndefined();
  }
  for (const other of ['', 'x', `${id}A`, id.slice(1), 'ü'.repeat(68)])
    expect(ids.verify(other, fresh.principal)).toBeUndefined();
});

test('it lives a week', () => {
  let now = Date.now();
  const clocked = createSessionIds(key, () => now);
  const id = clocked.issue(fresh);
  now += 6.9 * 24 * 3600 * 1000;
  expect(clocked.verify(id, fresh.principal)).toBeDefined();
  now += 0.2 * 24 * 3600 * 1000;
  expect(clocked.verify(id, fresh.principal)).toBeUndefined();
});

test.each([
  [undefined, undefined],
  [{}, undefined],
  [{ elicitation: true, sampling: [], roots: null }, undefined],
  [{ elicitation: {} }, { elicitation: { form: {} } }],
  [{ elicitation: { url: {} } }, { elicitation: { url: {} } }],
  [
    { sampling: {}, roots: { listChanged: true } },
    { sampling: {}, roots: {} },
  ],
  [
    { extensions: { 'io.modelcontextprotocol/tasks': {} } },
    { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  ],
  [{ extensions: { 'example/other': {} }, experimental: { x: {} } }, undefined],
  [EVERYTHING, EVERYTHING],
])('capabilities %j travel as %j, one object for all who have them', (declared, kept) => {
  expect(capabilitiesOf(bitsOf(declared))).toEqual(kept);
  expect(capabilitiesOf(bitsOf(declared))).toBe(capabilitiesOf(bitsOf(structuredClone(declared))));
});
