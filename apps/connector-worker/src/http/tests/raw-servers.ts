import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  type Incoming,
  type RawServer,
  startRawServer,
  startTestWorker,
  type TestWorker,
} from '../../tests/support.js';

type Answer = (incoming: Incoming, response: ServerResponse) => void;

export interface RawServers {
  readonly worker: TestWorker;
  /** A server that answers so, until the test has ended, and its connection's id. */
  serve(answer: Answer): Promise<{ server: RawServer; id: string }>;
  /** What else is to end with the test. */
  readonly stops: (() => unknown)[];
}

/** A worker for the tests of one file, and servers for each. To be called where the file begins. */
export function rawServers(): RawServers {
  let worker: TestWorker;
  const stops: RawServers['stops'] = [];
  beforeAll(async () => {
    worker = await startTestWorker();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(() => worker.stop());
  return {
    get worker() {
      return worker;
    },
    stops,
    serve: async (answer) => {
      const server = await startRawServer(answer);
      stops.push(() => server.close());
      return { server, id: await worker.connect({ url: server.url }) };
    },
  };
}
