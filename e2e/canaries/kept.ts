import { randomBytes } from 'node:crypto';
import type { Secret } from './needles.js';

/** Something that left the product, and the secrets that it is there to show. */
export interface Answer {
  where: string;
  text: string;
  /** Names of secrets; whatever begins with one of them. */
  shows: readonly string[];
}

/** Every secret that came up in a run, and every answer that must not give one away. */
export class Kept {
  readonly secrets: Secret[] = [];
  readonly answers: Answer[] = [];

  /** Remembers a secret that the product made or was given; returns it. */
  keep(name: string, value: string): string {
    if (!this.secrets.some((known) => known.value === value)) this.secrets.push({ name, value });
    return value;
  }

  /** A new one: letters and digits, so that it fits everywhere. */
  make(name: string): string {
    return this.keep(name, `cnry${randomBytes(14).toString('hex')}`);
  }

  /** What was answered; `shows` are the secrets that the answer is for. */
  answered(where: string, text: string, shows: readonly string[] = []): string {
    this.answers.push({ where, text, shows });
    return text;
  }
}
