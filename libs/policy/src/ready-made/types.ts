/** A list of names, a text, or how many. */
export type ReadyMadeValue = readonly string[] | string | number;

export interface ReadyMadeParameter {
  readonly name: string;
  readonly description: string;
  /** Its kind is that of the value given, too. */
  readonly default: ReadyMadeValue;
}

/** Rules and tests as a document has them, before they are parsed. */
export interface Made {
  readonly rules: readonly object[];
  /** Calls that these rules refuse or hold back, in a document of any default. */
  readonly tests: readonly object[];
}

/** A policy that many workspaces want, as data. Use `readyMade` to make its rules. */
export interface ReadyMade {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
  readonly parameters: readonly ReadyMadeParameter[];
  /** Takes a value for each parameter, of its kind. */
  readonly make: (values: Readonly<Record<string, ReadyMadeValue>>) => Made;
}
