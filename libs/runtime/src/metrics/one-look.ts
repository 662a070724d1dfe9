/** How long what was seen serves other figures: those of one scrape, and not of the next. */
const SAME_LOOK_MS = 1_000;

/** For several figures that one question answers: asks it once for all that are read at a time. */
export function oneLook<Seen>(ask: () => Promise<Seen>): () => Promise<Seen> {
  let last: { at: number; seen: Promise<Seen> } | undefined;
  return () => {
    const now = performance.now();
    if (!last || now - last.at > SAME_LOOK_MS) last = { at: now, seen: ask() };
    return last.seen;
  };
}
