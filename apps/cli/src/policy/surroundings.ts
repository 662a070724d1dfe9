/** What every policy command gets besides its options. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  out: NodeJS.WritableStream & { isTTY?: boolean };
  /** Whom it can ask. */
  in?: NodeJS.ReadableStream & { isTTY?: boolean };
}
