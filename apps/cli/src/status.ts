import type { StackOptions } from './options.js';
import { filesOf } from './stack/layout.js';
import { lockHolder } from './stack/lock.js';
import { isReady, readState, type StackState } from './stack/state.js';
import { lettersIn } from './terminal/letters.js';
import { table } from './terminal/table.js';

/** What scripts read from `status --json`. */
export interface StatusReport {
  ready: boolean;
  urls: { gateway: string; auth: string; control: string };
  services: {
    name: string;
    ready: boolean;
    status: string;
    pid: number | null;
    port: number;
    restarts: number;
    log: string;
  }[];
  demo?: { workspace: string; email: string; password: string; apiKey: string };
}

/** `conducktor status`: prints the state of the stack. Exit status 0 also when it is not ready: that is an answer. */
export async function status(options: StackOptions): Promise<number> {
  const files = filesOf(options.data);
  const running = lockHolder(files.lock) !== undefined;
  const state = running ? readState(files.state) : undefined;
  const report = state ? reportOf(state) : nothingRuns(options.publicUrl);
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : `${describe(report, options, running)}\n`,
  );
  return 0;
}

function reportOf(state: StackState): StatusReport {
  const { publicUrl } = state;
  return {
    ready: isReady(state),
    // One origin: the gateway forwards what is not MCP.
    urls: { gateway: publicUrl, auth: publicUrl, control: publicUrl },
    services: state.services.map((unit) => ({ ...unit, ready: unit.status === 'running' })),
    ...(state.demo && {
      demo: {
        workspace: state.demo.workspace,
        email: state.demo.email,
        password: state.demo.password,
        apiKey: state.demo.apiKey,
      },
    }),
  };
}

function nothingRuns(publicUrl: string): StatusReport {
  return {
    ready: false,
    urls: { gateway: publicUrl, auth: publicUrl, control: publicUrl },
    services: [],
  };
}

function describe(report: StatusReport, options: StackOptions, running: boolean): string {
  if (!running) return `No Conducktor runs in ${options.data}; "npm start" starts it.`;
  const rows = report.services.map((unit) => [
    unit.name,
    unit.status,
    String(unit.pid ?? '–'),
    String(unit.port),
    String(unit.restarts),
    unit.log,
  ]);
  return [
    report.ready ? `Ready at ${report.urls.gateway}` : 'Not ready yet',
    '',
    table(['service', 'status', 'pid', 'port', 'restarts', 'log'], rows),
    ...(report.demo
      ? ['', `  Sign in as ${report.demo.email} with the password ${report.demo.password}.`]
      : []),
    ...lettersLine(options),
  ].join('\n');
}

/** Where letters are, when there is no mail server to send them. */
function lettersLine({ data }: StackOptions): string[] {
  const { mail } = filesOf(data);
  const count = lettersIn(mail).length;
  return count === 0 ? [] : ['', `  Letters to people: ${count} in ${mail}`];
}
