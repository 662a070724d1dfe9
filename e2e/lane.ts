// Before each end-to-end file: waits until the file's lanes are its own, which they are until its process ends.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, inject } from 'vitest';
import { lanesOf } from './support/lanes.ts';

for (const lane of lanesOf(expect.getState().testPath!)) {
  const socket = connect(inject('lanes'), '127.0.0.1');
  socket.write(`${lane}\n`);
  await once(socket, 'data');
  socket.unref();
}
