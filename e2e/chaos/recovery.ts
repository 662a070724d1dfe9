/** How long it took from the end of each fault until calls succeeded again. */
export class Recovery {
  readonly #times = new Map<string, { calls: number[]; parts: number[] }>();

  /** Milliseconds until calls flowed everywhere, and until every part was there again. */
  note(kind: string, callsMs: number, partsMs: number | undefined): void {
    let times = this.#times.get(kind);
    if (!times) this.#times.set(kind, (times = { calls: [], parts: [] }));
    times.calls.push(callsMs);
    if (partsMs !== undefined) times.parts.push(partsMs);
  }

  rows(): RecoveryRow[] {
    return [...this.#times]
      .map(([kind, { calls, parts }]) => ({
        kind,
        times: calls.length,
        calls: spread(calls),
        ...(parts.length > 0 && { parts: spread(parts) }),
      }))
      .toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
  }
}

export interface RecoveryRow {
  kind: string;
  times: number;
  calls: Spread;
  parts?: Spread;
}

/** Milliseconds. */
interface Spread {
  min: number;
  median: number;
  max: number;
}

export function recoveryTable(rows: readonly RecoveryRow[]): string {
  const cells = rows.map(({ kind, times, calls, parts }) => [
    kind,
    String(times),
    ...[calls.min, calls.median, calls.max].map(String),
    parts ? String(parts.median) : '',
    parts ? String(parts.max) : '',
  ]);
  const head = ['fault', 'times', 'calls min', 'median', 'max', 'part median', 'max'];
  const widths = head.map((_, at) => Math.max(...[head, ...cells].map((row) => row[at]!.length)));
  return [head, ...cells]
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
        .join('  '),
    )
    .join('\n');
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    min: Math.round(sorted[0]!),
    median: Math.round(sorted[Math.floor(sorted.length / 2)]!),
    max: Math.round(sorted.at(-1)!),
  };
}
