// The last line of a test run: `N passed, N failed, N skipped`, for people and for scripts.

/**
 * A vitest reporter. A file that cannot be loaded, an unhandled error and a failed `npm run check`
 * before the tests (CONDUCKTOR_FAILED_CHECKS) each count as one failure.
 */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    // A check that failed before the tests is one failure of the whole.
    const failedChecks = Number(process.env.CONDUCKTOR_FAILED_CHECKS ?? 0);
    const count = { passed: 0, failed: unhandledErrors.length + failedChecks, skipped: 0 };
    const late = [];
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed' && test.diagnostic()?.flaky)
          late.push(`${test.fullName}: ${(errors?.[0]?.message ?? 'late').split('\n')[0]}`);
        if (state === 'passed') count.passed++;
        else if (state === 'failed') failedTests++;
        else count.skipped++;
      }
      count.failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests;
    }
    // At exit, so that no other reporter writes below it.
    process.once('exit', (code) => {
      // Whatever else made the run fail, a set-up that could not be loaded for instance.
      if (code !== 0 && count.failed === 0) count.failed = 1;
      for (const line of late) process.stdout.write(`in time only when tried again: ${line}\n`);
      process.stdout.write(
        `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`,
      );
    });
  }
}
