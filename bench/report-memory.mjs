// Loaded into a service that is measured (`--expose-gc --import …/report-memory.mjs?file=…`): every 30 s
// one line with the resident memory as it is, and the heap after a full collection, which is what is
// held. Left to itself a service with little to do collects old objects so seldom that minutes of it
// look like a leak.
import { appendFileSync } from 'node:fs';

const file = new URL(import.meta.url).searchParams.get('file');
const LINE_MS = 30_000;

setInterval(() => {
  const { rss } = process.memoryUsage();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  appendFileSync(file, `${JSON.stringify({ at: Date.now(), rss, heap: heapUsed + external })}\n`);
}, LINE_MS).unref();
