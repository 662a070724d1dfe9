import { createInterface, type Interface } from 'node:readline';
import type { Surroundings } from './surroundings.js';

/** What Ctrl-C came to. */
export interface Interrupt {
  /** Somebody wants it stopped. */
  readonly wanted: boolean;
  /** A question stands on the terminal, where nothing else is to be written. */
  readonly asking: boolean;
  end(): void;
}

/**
 * Ctrl-C while something runs elsewhere: on a terminal it asks whether that is to be stopped too, and a
 * second Ctrl-C is a yes. Where nobody can be asked, the first one is.
 */
export function onInterrupt({ in: input, out }: Surroundings, question: string): Interrupt {
  let wanted = false;
  let asked: Interface | undefined;
  const yes = () => {
    wanted = true;
    asked?.close();
  };
  const ask = () => {
    if (asked || !input?.isTTY || !out.isTTY) return yes();
    asked = createInterface({ input, output: out, terminal: true });
    asked.once('close', () => (asked = undefined));
    asked.once('SIGINT', yes);
    out.write('\r\u001b[K');
    asked.question(question, (answer) => (/^y/i.test(answer.trim()) ? yes() : asked?.close()));
  };
  process.on('SIGINT', ask);
  return {
    get wanted() {
      return wanted;
    },
    get asking() {
      return asked !== undefined;
    },
    end: () => {
      process.off('SIGINT', ask);
      asked?.close();
    },
  };
}
