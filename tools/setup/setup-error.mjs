/** Something stands in the way; the message is for the person at the terminal and says how to go on. */
export class SetupError extends Error {}
