// The order of test files where no earlier run says how long each takes, as in a new clone.
import { BaseSequencer } from 'vitest/node';
import { ALONE, SECOND_LANE } from '../e2e/support/lanes.ts';

/** Small files that take long; begun last, they would keep one core busy while the others wait. */
const LONG = [
  'tools/tests/types.test.ts',
  'libs/embedded/tests/guard.test.ts',
  'conformance/tests/client.test.ts',
  'apps/auth/tests/account-pages.test.ts',
  'apps/gateway/src/mcp/tests/same-ids.test.ts',
  ...SECOND_LANE,
];

/** Within each part of the run; else the largest files come first. */
export default class LongFilesFirst extends BaseSequencer {
  async sort(files) {
    const place = ({ moduleId }) => {
      const among = (paths) => paths.findIndex((path) => moduleId.endsWith(path));
      if (among(ALONE) >= 0) return LONG.length + 1;
      const at = among(LONG);
      return at < 0 ? LONG.length : at;
    };
    const part = ({ project }) => project.config.sequence.groupOrder;
    return (await super.sort(files)).sort((a, b) => part(a) - part(b) || place(a) - place(b));
  }
}
