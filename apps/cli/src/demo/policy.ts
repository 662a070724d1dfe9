/** The policy of the demo: people may use everything, contractors may only read, nobody sees the environment. */
export const DEMO_POLICY = `version: 1
default: allow
rules:
  - id: contractors-read-only
    when: { groups: [contractors], class: [write, destructive] }
    effect: deny
    list: true
    message: Update operations not allowed
  - id: no-environment
    description: The reference server has a tool that shows the variables of its process.
    when: { tools: [everything_get-env] }
    effect: deny
    list: true
    message: The environment of a server is nobody's business
tests:
  - name: a contractor cannot write
    call: { groups: [contractors], tool: files_write_file, class: destructive, args: {} }
    expect: deny
  - name: an employee can
    call: { groups: [], tool: files_write_file, class: destructive, args: {} }
    expect: allow
`;
