import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { MAX_RESULT_BYTES } from '../mcp/results.js';
import type { LaunchPlan } from './launch-plan.js';
import { LineReader } from './line-reader.js';
import { residentMb } from './memory.js';
import type { Sandbox } from './sandbox.js';

const MAX_LINE_BYTES = MAX_RESULT_BYTES + 64 * 1024;
const MAX_STDERR_CHARS = 32 * 1024;
/** What a server says to its log beyond this is read later; a server that floods it waits. */
const STDERR_BYTES_PER_SECOND = 1024 * 1024;
/** A server that does not read its input is not fed any further. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
const MEMORY_CHECK_MS = 5_000;
const STOP_MS = { afterInputEnds: 700, afterTerm: 1_000 };

export interface ServerProcessHooks {
  onLine(text: string): void;
  onOverlong(head: string, tail: string): void;
  /** Once; with a reason in words. */
  onExit(reason: string): void;
}

// The last resort of a worker that ends without having stopped its servers.
const running = new Set<ServerProcess>();
process.once('exit', () => running.forEach((server) => server.kill()));

/** One server's process group, its lines, its last words, and its end. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #memory: NodeJS.Timeout;
  #stderr = '';
  #exited = false;
  #reason: string | undefined;
  readonly #ended: Promise<void>;

  constructor(plan: LaunchPlan, sandbox: Sandbox, hooks: ServerProcessHooks) {
    const { command, args, guarded } = sandbox.wrap(plan);
    // A group of its own, so that what the server starts ends with it.
    this.#child = spawn(command, args, {
      cwd: plan.cwd,
      env: plan.env,
      detached: true,
      shell: false,
      stdio: guarded ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
    });
    running.add(this);
    const lines = new LineReader({
      maxBytes: MAX_LINE_BYTES,
      onLine: hooks.onLine,
      onOverlong: hooks.onOverlong,
      onEndless: () => this.kill('it flooded its output with a line that does not end'),
    });
    this.#child.stdout!.on('data', (chunk: Buffer) => lines.push(chunk));
    this.#readErrors(this.#child.stderr!);
    for (const stream of this.#child.stdio) stream?.on('error', () => {});
    this.#memory = setInterval(
      () => void this.#checkMemory(plan.memoryMb),
      MEMORY_CHECK_MS,
    ).unref();
    this.#ended = new Promise((resolve) => {
      const end = (reason: string) => {
        if (this.#exited) return;
        this.#exited = true;
        clearInterval(this.#memory);
        this.kill();
        running.delete(this);
        resolve();
        hooks.onExit(this.#reason ?? reason);
      };
      this.#child.once('error', (error) => end(`it could not be started (${error.message})`));
      this.#child.once('exit', (code, signal) =>
        end(signal ? `it was ended by ${signal}` : `it ended with code ${String(code)}`),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The end of what it wrote to standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** False when the server is gone or does not read. */
  write(line: string): boolean {
    const input = this.#child.stdin as Writable;
    if (this.#exited || !input.writable || input.writableLength > MAX_UNREAD_BYTES) return false;
    input.write(`${line}\n`);
    return true;
  }

  /** Ends it as MCP says: input closed, then SIGTERM, then SIGKILL to the group. */
  async stop(reason?: string): Promise<void> {
    this.#reason ??= reason;
    if (this.#exited) return;
    this.#child.stdin?.end();
    if (await this.#endedWithin(STOP_MS.afterInputEnds)) return;
    this.#signal('SIGTERM');
    if (await this.#endedWithin(STOP_MS.afterTerm)) return;
    this.kill();
    await this.#endedWithin(1_000);
  }

  /** At once, with all it started. */
  kill(reason?: string): void {
    this.#reason ??= reason;
    this.#signal('SIGKILL');
  }

  #readErrors(stderr: Readable): void {
    let bytes = 0;
    let since = performance.now();
    stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-MAX_STDERR_CHARS);
      const now = performance.now();
      if (now - since > 1_000) [bytes, since] = [0, now];
      bytes += chunk.length;
      if (bytes < STDERR_BYTES_PER_SECOND) return;
      stderr.pause();
      setTimeout(() => stderr.resume(), 1_000 - (now - since)).unref();
    });
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group is gone.
    }
  }

  async #checkMemory(limitMb: number): Promise<void> {
    if (this.#exited || this.#child.pid === undefined) return;
    const used = await residentMb(this.#child.pid);
    if (used === undefined || used <= limitMb) return;
    this.kill(`it used ${Math.round(used)} MB of the ${limitMb} MB it may use`);
  }

  async #endedWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    return this.#exited;
  }
}
