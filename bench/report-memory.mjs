// Loaded into a service that is measured (`--import …/report-memory.mjs?file=…`): once a second the
// heap is looked at, and every 30 s one line says the resident memory and the least heap since the last
// line, which is about what a collection left. Nothing is collected for it.
import { appendFileSync } from 'node:fs';

const file = new URL(import.meta.url).searchParams.get('file');
const LOOK_MS = 1_000;
const LOOKS_PER_LINE = 30;

let looks = 0;
let heap = Infinity;
setInterval(() => {
  const { heapUsed, external, rss } = process.memoryUsage();
  heap = Math.min(heap, heapUsed + external);
  if (++looks % LOOKS_PER_LINE !== 0) return;
  appendFileSync(file, `${JSON.stringify({ at: Date.now(), rss, heap })}\n`);
  heap = Infinity;
}, LOOK_MS).unref();
