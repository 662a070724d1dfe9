import { describe, expect, it } from 'vitest';
import { paceAfter, START } from '../pace.js';

describe('the pace of sealing', () => {
  it('waits for events to gather while calls come in, for a second at most, and less when few do', () => {
    expect(paceAfter(0, START).pauseMs).toBe(250);
    expect(paceAfter(10, START).pauseMs).toBe(250);
    expect(paceAfter(500, START).pauseMs).toBe(1_000);
  });

  it('goes on at once with more while it is behind, up to a bound, and is itself again afterwards', () => {
    let pace = START;
    const rows: number[] = [];
    for (let n = 0; n < 4; n++) {
      pace = paceAfter(pace.rows, pace);
      expect(pace.pauseMs).toBe(0);
      rows.push(pace.rows);
    }
    expect(rows).toEqual([4_000, 8_000, 8_000, 8_000]);
    expect(paceAfter(7_999, pace)).toEqual({ rows: START.rows, pauseMs: 1_000 });
  });
});
