/** The policy of a new workspace, as the text that its admins will edit. */
export const STARTER_POLICY = `version: 1
# A call that no rule below matches: tools that only read may run, anything else may not.
default: allow-read            # deny | allow-read | allow
rules: []
tests: []
`;
