import { firstPace, paceAfter } from '@conducktor/runtime';
import { describe, expect, it } from 'vitest';
import { SEALING_PACE } from '../pace.js';

const START = firstPace(SEALING_PACE);
const all = (rows: number) => ({ rows, isMore: false });

describe('the pace of sealing', () => {
  it('waits for events to gather while calls come in, for a second at most, and less when few do', () => {
    expect(paceAfter(all(0), START, SEALING_PACE).pauseMs).toBe(250);
    expect(paceAfter(all(10), START, SEALING_PACE).pauseMs).toBe(250);
    expect(paceAfter(all(500), START, SEALING_PACE).pauseMs).toBe(1_000);
  });

  it('goes on at once with more while it is behind, up to a bound, and is itself again afterwards', () => {
    let pace = START;
    const rows: number[] = [];
    for (let n = 0; n < 4; n++) {
      pace = paceAfter({ rows: pace.rows, isMore: true }, pace, SEALING_PACE);
      expect(pace.pauseMs).toBe(0);
      rows.push(pace.rows);
    }
    expect(rows).toEqual([4_000, 8_000, 8_000, 8_000]);
    expect(paceAfter(all(7_999), pace, SEALING_PACE)).toEqual({ rows: START.rows, pauseMs: 1_000 });
  });
});
