import { createServer } from 'node:net';

// Below where Linux takes ports for outgoing connections.
const LOWEST = 20_720;
const HIGHEST = 32_000;
const STEP = 16;

/**
 * The first of `size` ports on loopback that were free a moment ago. Starts at a place of this
 * process, so that test runs beside each other rarely try the same ones.
 */
export async function freePortBlock(size: number): Promise<number> {
  const blocks = Math.floor((HIGHEST - LOWEST - size) / STEP);
  for (let i = 0; i < blocks; i++) {
    const base = LOWEST + ((process.pid + i * 7) % blocks) * STEP;
    if (await allFree(base, size)) return base;
  }
  throw new Error(`No ${size} free ports in a row between ${LOWEST} and ${HIGHEST}.`);
}

async function allFree(base: number, size: number): Promise<boolean> {
  for (let port = base; port < base + size; port++) if (!(await isFree(port))) return false;
  return true;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
