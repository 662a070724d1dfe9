import { ConducktorError } from '@conducktor/contracts';

/** Turns a violated unique key into `conflict` with this sentence. */
export async function unlessTaken<Result>(
  sentence: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // Prisma's name for a violated unique key.
    if ((error as { code?: unknown }).code === 'P2002')
      throw new ConducktorError('conflict', sentence);
    throw error;
  }
}
