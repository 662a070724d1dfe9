import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedError, embeddedDatabaseUrl } from '@conducktor/embedded';
import { goodbyeText, welcomeText } from './demo/texts.js';
import { walkThrough } from './demo/walk-through.js';
import type { StackOptions } from './options.js';
import { openDataDir } from './stack/data-dir.js';
import { REPOSITORY, filesOf, portsOf } from './stack/layout.js';
import { lockHolder } from './stack/lock.js';
import { STAY, parentVariable, whenParentEnds } from './stack/parent.js';
import { openLog } from './stack/service.js';
import { readState, type StackState } from './stack/state.js';
import { showLetters } from './terminal/letters.js';
import { createStepPrinter } from './terminal/steps.js';

/**
 * `conducktor up`: starts the supervisor, shows its steps, lets the demo's client make its calls and,
 * unless detached, stays until Ctrl-C. Resolves with the exit status.
 */
export async function up(options: StackOptions): Promise<number> {
  const out = process.stdout;
  const files = filesOf(options.data);
  openDataDir(options.data);
  const holder = lockHolder(files.lock);
  if (holder !== undefined) {
    throw new EmbeddedError(
      `Conducktor already runs in ${options.data} (process ${holder}); "npm stop" ends it, or give this one a directory and ports of its own: --data DIR --port-base N.`,
    );
  }
  rmSync(files.state, { force: true });

  const supervisor = startSupervisor(options);
  const ended = new Promise<number>((resolve) =>
    supervisor.once('exit', (code) => resolve(code ?? 1)),
  );
  let status: number | undefined;
  void ended.then((code) => (status = code));
  const interrupted = stopOnSignals(supervisor, () => out.write('\nStopping …\n'));

  const printer = createStepPrinter(out);
  let state: StackState | undefined;
  while (status === undefined && !state?.prepared) {
    await sleep(100);
    state = readState(files.state) ?? state;
    if (state) printer.show(state);
  }
  printer.clear();
  if (!state?.prepared) {
    if (interrupted()) return 130;
    throw new EmbeddedError(
      readState(files.state)?.error ??
        `The supervisor ended before everything was up; see ${files.log('supervisor')}.`,
    );
  }

  const demo = state.demo!;
  const walked = await walkThrough({
    publicUrl: options.publicUrl,
    demo,
    signer: signerOf(options),
  }).catch((error: Error) => error);
  out.write(welcomeText({ options, demo, walked }));
  if (options.detach) {
    await letGo(supervisor);
    return 0;
  }
  const stopLetters = showLetters(files.mail, (text) => out.write(text));
  const code = await ended;
  stopLetters();
  out.write(goodbyeText(interrupted() || code === 0, files.log('supervisor')));
  return interrupted() ? 0 : code;
}

function startSupervisor(options: StackOptions): ChildProcess {
  const log = openLog(filesOf(options.data).log('supervisor'));
  const args = [
    'supervise',
    '--data',
    options.data,
    '--port-base',
    String(options.portBase),
    '--public-url',
    options.publicUrl,
  ];
  if (options.watch) args.push('--watch');
  try {
    return spawn(process.execPath, ['--enable-source-maps', process.argv[1]!, ...args], {
      cwd: existsSync(REPOSITORY) ? REPOSITORY : '/',
      // Its own session: Ctrl-C reaches us alone, and we ask it to stop in order.
      detached: true,
      // It holds the other end of a pipe of ours and so learns of our end, until we let it go.
      stdio: ['ignore', log, log, 'pipe'],
      env: { ...process.env, ...parentVariable(3) },
    });
  } finally {
    closeSync(log);
  }
}

/** From now on it stays when we go. */
async function letGo(supervisor: ChildProcess): Promise<void> {
  const pipe = supervisor.stdio[3] as Writable;
  await new Promise((resolve) => pipe.end(STAY, resolve as () => void));
  supervisor.unref();
}

function signerOf({ data, portBase }: StackOptions) {
  const { secretKey } = openDataDir(data);
  return {
    secretKey,
    databaseUrl: embeddedDatabaseUrl({
      dir: data,
      port: portsOf(portBase).postgres,
      role: 'conducktor_auth',
    }),
  };
}

/** Asks the supervisor to stop on the first signal, and insists on the second. */
function stopOnSignals(supervisor: ChildProcess, onFirst: () => void): () => boolean {
  let asked = 0;
  const ask = () => {
    asked++;
    if (asked === 1) onFirst();
    supervisor.kill(asked > 2 ? 'SIGKILL' : 'SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  whenParentEnds(ask);
  return () => asked > 0;
}
