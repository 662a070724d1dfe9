// The order of test files where no earlier run says how long each takes, as in a new clone.
import { BaseSequencer } from 'vitest/node';

/** Small files that take long; begun last, they would keep one core busy while the others wait. */
const LONG = [
  'tools/tests/types.test.ts',
  'libs/embedded/tests/guard.test.ts',
  'conformance/tests/client.test.ts',
  'apps/auth/tests/account-pages.test.ts',
  'apps/gateway/src/mcp/tests/same-ids.test.ts',
];

/** Within each part of the run; else the largest files come first. */
export default class LongFilesFirst extends BaseSequencer {
  async sort(files) {
    const place = ({ moduleId }) => {
      const at = LONG.findIndex((path) => moduleId.endsWith(path));
      return at < 0 ? LONG.length : at;
    };
    const part = ({ project }) => project.config.sequence.groupOrder;
    return (await super.sort(files)).sort((a, b) => part(a) - part(b) || place(a) - place(b));
  }
}
