const IDLE = new Set(['(idle)', '(root)']);

/**
 * Self times of a V8 CPU profile: in all without idling (ms), by part (one of our projects, a
 * package, Node itself, garbage collection) and by function, each list longest first. Only samples
 * between `from` and `to` count (microseconds of the monotonic clock, as in the profile).
 */
export function sumProfile({ nodes, samples, timeDeltas, startTime = 0 }, from = 0, to = Infinity) {
  const self = new Map();
  let at = startTime;
  samples.forEach((id, i) => {
    at += timeDeltas[i];
    if (at >= from && at <= to) self.set(id, (self.get(id) ?? 0) + timeDeltas[i] / 1000);
  });
  const parts = new Map();
  const functions = new Map();
  let busyMs = 0;
  for (const { id, callFrame } of nodes) {
    const ms = self.get(id) ?? 0;
    if (ms === 0 || IDLE.has(callFrame.functionName)) continue;
    busyMs += ms;
    const add = (map, key) => map.set(key, (map.get(key) ?? 0) + ms);
    add(parts, partOf(callFrame));
    add(functions, `${callFrame.functionName || '(anonymous)'} @ ${whereOf(callFrame)}`);
  }
  const sorted = (map) => [...map].sort((a, b) => b[1] - a[1]);
  return { busyMs, parts: sorted(parts), functions: sorted(functions) };
}

/** The project, package or part of the runtime that a frame belongs to. */
export function partOf({ functionName, url }) {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code';
  if (url === '' && /^write(v|Buffer|Utf8String|Latin1String)$/.test(functionName)) {
    return 'writing to sockets';
  }
  if (url.startsWith('node:')) return `Node: ${url.slice(5).split('/').slice(0, 2).join('/')}`;
  const packaged = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url);
  if (packaged) return packaged[1];
  const ours = /\/((?:apps|libs)\/[^/]+)\/(?:dist|src)\/([^/]+)/.exec(url);
  if (ours) return `${ours[1]}/${ours[2].replace(/\.[jt]s$/, '')}`;
  return url === '' ? 'built-in functions' : url;
}

function whereOf({ url, lineNumber }) {
  const short = url.replace(/^.*\/(?=(?:apps|libs|node_modules)\/)/, '').replace('/dist/', '/src/');
  return short === '' ? 'built in' : `${short}:${lineNumber + 1}`;
}
