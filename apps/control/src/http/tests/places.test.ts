import { expect, it } from 'vitest';
import { createPlaces } from '../streaming.js';

const full = { each: 'You have them.', all: 'Others have them.' };

it('says whether a workspace has its own places already, or the others have all of them', () => {
  const places = createPlaces({ each: 2, all: 3 });
  const leave = places.take('one', full);
  places.take('one', full);
  expect(() => places.take('one', full)).toThrow(full.each);
  places.take('another', full);
  expect(() => places.take('third', full)).toThrow(full.all);
  leave();
  leave();
  places.take('third', full);
  expect(() => places.take('one', full)).toThrow(full.all);
});
