// One line per step. On a terminal the running step counts its seconds; in a log it says every ten
// seconds that it is still at it.
const QUIET_INTERVAL_S = 10;

/** @param {NodeJS.WriteStream} out */
export function createProgress(out) {
  let stopRunning;

  /** Runs `work` under `label`; `work` may return a remark for the finished line. */
  async function step(label, work) {
    const started = Date.now();
    const seconds = () => Math.round((Date.now() - started) / 1000);
    const live = out.isTTY;
    let note = '';
    let said = 0;
    const show = () => {
      const text = `… ${label}${note ? `: ${note}` : ''} (${seconds()} s)`;
      if (live) out.write(`\r\x1b[K${text.slice(0, (out.columns ?? 80) - 1)}`);
      else if (seconds() - said >= QUIET_INTERVAL_S) {
        said = seconds();
        out.write(`${text}\n`);
      }
    };
    out.write(live ? `… ${label}` : `… ${label}\n`);
    const timer = setInterval(show, 1000);
    stopRunning = () => {
      clearInterval(timer);
      if (live) out.write('\r\x1b[K');
    };
    const remark = await work((text) => void (note = text));
    stopRunning();
    stopRunning = undefined;
    out.write(
      `✓ ${label}${remark ? `: ${remark}` : ''} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
    );
  }

  return { step, fail: () => stopRunning?.() };
}
