import { existsSync } from 'node:fs';
import { EmbeddedError } from '@conducktor/embedded';
import { createLogger } from '@conducktor/runtime';
import { prepareDemo } from '../demo/prepare.js';
import { writeStdioCatalog } from '../demo/stdio-catalog.js';
import type { StackOptions } from '../options.js';
import { openDataDir } from './data-dir.js';
import { filesOf, portsOf } from './layout.js';
import { takeLock } from './lock.js';
import { whenParentEnds } from './parent.js';
import { createStack } from './stack.js';
import { writeState, type StackState, type Step } from './state.js';
import { watchBuilds } from './watch-builds.js';

/**
 * The supervisor process: holds the data directory, starts the stack, keeps it running and ends it, in
 * order on SIGTERM or when its launcher is gone. Its own death ends every part within seconds.
 */
export async function supervise(options: StackOptions): Promise<void> {
  const logger = createLogger('supervisor');
  const files = filesOf(options.data);
  const { secretKey } = openDataDir(options.data);
  // A lock that nobody gave back: the parts of a stack that was killed may take seconds to end.
  const afterKill = existsSync(files.lock);
  const unlock = takeLock(files.lock, options.data);

  const state: StackState = {
    pid: process.pid,
    publicUrl: options.publicUrl,
    portBase: options.portBase,
    steps: [],
    services: [],
    prepared: false,
  };
  const publish = () => writeState(files.state, state);
  const step = async (label: string, work: (note: (text: string) => void) => Promise<void>) => {
    const entry: Step = { label, startedAt: Date.now() };
    state.steps.push(entry);
    publish();
    await work((text) => {
      entry.note = text;
      publish();
    });
    entry.ms = Date.now() - entry.startedAt;
    delete entry.note;
    publish();
  };
  const stack = createStack({ ...options, afterKill, secretKey, logger, onChange: publish, step });
  state.services = stack.units.map((unit) => unit.view);
  publish();

  let ending: Promise<void> | undefined;
  const end = (reason: string, status = 0) => {
    ending ??= (async () => {
      logger.info({ reason }, 'Stopping the stack');
      await stack.stop();
      unlock();
      process.exit(status);
    })();
    return ending;
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
  // The launcher has a terminal; ours may be gone with it.
  process.on('SIGHUP', () => undefined);
  whenParentEnds(() => void end('The launcher ended'));

  try {
    writeStdioCatalog(files);
    await stack.start();
    await step('Demo workspace', async (note) => {
      state.demo = await prepareDemo({
        adminUrl: stack.adminUrl,
        ports: portsOf(options.portBase),
        files,
        note,
      });
    });
    state.prepared = true;
    publish();
    logger.info('Everything is running');
    if (options.watch) watchBuilds(stack, logger);
  } catch (error) {
    if (ending) return;
    logger.error({ err: error }, 'The start failed');
    state.error =
      error instanceof EmbeddedError
        ? error.message
        : `Something unexpected happened: ${(error as Error).message}; see ${files.log('supervisor')}.`;
    publish();
    await end('The start failed', 1);
  }
}
