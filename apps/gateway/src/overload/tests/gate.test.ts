import { expect, test } from 'vitest';
import { Gate } from '../gate.js';

const key = (workspace: string) => `Bearer ${workspace}`;

function gateOf(most: number, tickMs = 0): Gate {
  const gate = new Gate({ most, tickMs: () => tickMs });
  for (const workspace of ['noisy', 'quiet']) gate.learn(key(workspace), workspace);
  return gate;
}

/** How many of so many are let in, none of which ends. */
function letIn(gate: Gate, workspace: string, tries: number): number {
  let entered = 0;
  for (let each = 0; each < tries; each++) {
    if (gate.refuses(key(workspace))) continue;
    gate.enter(key(workspace));
    entered++;
  }
  return entered;
}

test('one workspace alone has most of the places, and another still finds one', () => {
  const gate = gateOf(100);
  expect(letIn(gate, 'noisy', 1_000)).toBe(80);
  expect(letIn(gate, 'quiet', 10)).toBe(10);
  expect(gate.refuses(key('noisy'))).toBe(true);
  gate.stop();
});

test('calls that wait for their upstream take no place, but are not without end, and one workspace has not all', () => {
  const gate = gateOf(100);
  let entered = 0;
  for (; !gate.refuses(key('noisy')); entered++) {
    gate.enter(key('noisy')).away();
  }
  expect([entered, gate.waiting]).toEqual([1_600, 0]);
  expect(letIn(gate, 'quiet', 50)).toBe(50);
  gate.stop();
});

test('what has ended makes room again', () => {
  const gate = gateOf(100);
  const places = Array.from({ length: 80 }, () => gate.enter(key('noisy')));
  expect(gate.refuses(key('noisy'))).toBe(true);
  for (const place of places) place.leave();
  expect([gate.refuses(key('noisy')), gate.waiting]).toEqual([false, 0]);
  gate.stop();
});

test('a batch is one that waits, and a call that outlives its request is under way until it is back', () => {
  const gate = gateOf(100);
  const place = gate.enter(key('noisy'));
  const [first, second] = [place.away(), place.away()];
  expect(gate.waiting).toBe(0);
  first();
  expect(gate.waiting).toBe(0);
  place.leave();
  // Nothing that is at an upstream makes room for what waits here.
  expect([gate.waiting, letIn(gate, 'noisy', 1_000)]).toEqual([0, 80]);
  second();
  expect(gate.waiting).toBe(80);
  gate.stop();
});

test('while nothing becomes durable a quarter may wait, and whoever has nothing waiting still may', () => {
  const gate = gateOf(100, 5_000);
  expect(letIn(gate, 'noisy', 1_000)).toBe(25);
  expect(letIn(gate, 'quiet', 10)).toBe(1);
  gate.stop();
});

test('to show many credentials is no way around the share of a workspace', () => {
  const gate = gateOf(100);
  expect(letIn(gate, 'noisy', 1_000)).toBe(80);
  for (let each = 0; each < 20_001; each++) gate.learn(key(`noisy-${each}`), 'noisy');
  gate.learn(key('noisy'), 'noisy');
  expect(gate.refuses(key('noisy'))).toBe(true);
  gate.stop();
});
